import type { EventCount } from "./observability/metrics/event-counts.ts";
import { type LoopLag, processVitals } from "./observability/metrics/process-vitals.ts";
import { workerReport, type WorkerReport } from "./observability/metrics/worker-report.ts";
import type { DataPlane } from "./proxy/data-plane.ts";

/** What a process that serves says of itself when metrics are read. */
export function reportOf(plane: DataPlane, lag: LoopLag, events: readonly EventCount[]): WorkerReport {
  return workerReport({
    process: processVitals(lag),
    endpoints: plane.endpoints,
    upstreams: plane.snapshot?.upstreams.values() ?? [],
    queues: plane.queues,
    listeners: plane.listeners,
    timings: plane.plugins.timings,
    metrics: plane.plugins.metrics,
    events,
  });
}
