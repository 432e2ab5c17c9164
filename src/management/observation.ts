import { alertStream, metricsStream, type MetricsStream } from "../observability/metrics/streams.ts";
import { EVENT_STREAM_HEADERS, type EventStream } from "../observability/metrics/event-stream.ts";
import { MetricsPage } from "../observability/metrics/metrics-page.ts";
import { LoopLag, processVitals } from "../observability/metrics/process-vitals.ts";
import { trackReloads } from "../observability/metrics/reloads.ts";
import { SummarySampler } from "../observability/metrics/summary.ts";
import type { WorkerReport } from "../observability/metrics/worker-report.ts";
import { WorkerReports } from "../observability/metrics/worker-reports.ts";
import { endpointId } from "../proxy/upstream/endpoint.ts";
import type { SnapshotSpec } from "../model/snapshot-spec.ts";
import type { Proxied } from "./proxied.ts";

const CLOCK = { now: () => performance.now(), wall: () => Date.now() };

/** Metrics and streams over what the proxy counts. */
export class Observation {
  readonly #page: MetricsPage;
  readonly #sampler: SummarySampler;
  readonly #metrics: MetricsStream;
  readonly #alerts: EventStream;
  readonly #lag = new LoopLag();

  constructor(proxied: Proxied, version: string) {
    const { counters, events, alerts, log } = proxied;
    const reports = new WorkerReports({
      // Both ends of the channel are this program: what a worker answers is a report.
      workers: () => proxied.asked.map((worker) => ({ ...worker, ask: () => worker.ask() as Promise<WorkerReport> })),
    });
    this.#page = new MetricsPage({
      counters,
      spec: () => meteredSpec(proxied.spec),
      workers: () => reports.ask(),
      events: () => proxied.told.all,
      seats: () => proxied.workers,
      reload: trackReloads(events, CLOCK.wall),
      vitals: () => processVitals(this.#lag),
      build: { version, bun: Bun.version },
    });
    this.#sampler = new SummarySampler({ counters, requests: proxied.requests, clock: CLOCK });
    this.#metrics = metricsStream(this.#sampler, {
      onError: (err) => log.error({ err }, "metrics could not be sampled"),
    });
    this.#alerts = alertStream(alerts, CLOCK.wall);
  }

  exposition(accept: string, legacy: boolean): { contentType: string; body: AsyncIterable<string> } {
    const { contentType, text } = this.#page.read({ accept, flexgate: legacy });
    return { contentType, body: text };
  }

  summary(): Promise<unknown> {
    return this.#sampler.summary();
  }

  /** null: there are too many clients. */
  stream(kind: "metrics" | "alerts", lastEventId: string | null): Response | null {
    const stream = kind === "metrics" ? this.#metrics.stream : this.#alerts;
    const body = stream.open(lastEventId);
    return body === null ? null : new Response(body, { headers: EVENT_STREAM_HEADERS });
  }

  stop(): void {
    this.#metrics.stop();
    this.#alerts.close();
    this.#lag.stop();
  }
}

function meteredSpec({ version, routes, upstreams }: SnapshotSpec) {
  const endpoints = upstreams.flatMap((upstream) =>
    upstream.endpoints.map((endpoint, i) => {
      return { upstream: upstream.name, endpoint: endpointId(endpoint), slot: upstream.endpointSlots[i]! };
    }),
  );
  return { version, routes, endpoints };
}
