import { EVENT_METRICS, type EventCount, type EventMetric } from "./event-counts.ts";
import { type Family, labels, line } from "./exposition.ts";
import type { ProcessVitals } from "./process-vitals.ts";
import type { WorkerTotals } from "./worker-reports.ts";

type Samples = Iterable<readonly [labels: string, value: number]>;

export function gauge(name: string, help: string, samples: Samples): Family {
  return family(name, "gauge", { help, samples });
}

export function counterOf(name: string, help: string, samples: Samples): Family {
  return family(name, "counter", { help, samples });
}

function family(name: string, type: Family["type"], { help, samples }: { help: string; samples: Samples }): Family {
  return {
    name,
    type,
    help,
    *blocks() {
      for (const [its, value] of samples) yield line(name, its, value);
    },
  };
}

/** Every process that serves. */
export function workerFamilies({ workers, cpuSeconds }: WorkerTotals): Family[] {
  const each = (of: (vitals: ProcessVitals) => number) =>
    summed(
      workers,
      ({ number }) => labels({ worker: String(number) }),
      ({ report }) => of(report.process),
    );
  const cpu = [...cpuSeconds].map(([number, seconds]) => [labels({ worker: String(number) }), seconds] as const);
  const worst = new Map<string, number>();
  for (const { number, report } of workers) {
    const its = labels({ worker: String(number) });
    worst.set(its, Math.max(worst.get(its) ?? 0, report.process.lagSeconds));
  }
  return [
    gauge(
      "sluice_worker_resident_memory_bytes",
      "Memory of a worker.",
      each(({ rssBytes }) => rssBytes),
    ),
    counterOf("sluice_worker_cpu_seconds_total", "CPU time of a worker.", cpu),
    gauge("sluice_worker_event_loop_lag_seconds", "How late its event loop was at worst, in half a minute.", worst),
  ];
}

/** The process that answers, under the names that every exporter has. */
export function processFamilies(its: ProcessVitals): Family[] {
  const { openFiles } = its;
  return [
    counterOf("process_cpu_seconds_total", "CPU time of this process.", [["", its.cpuSeconds]]),
    gauge("process_resident_memory_bytes", "Memory of this process.", [["", its.rssBytes]]),
    gauge("process_heap_bytes", "Memory of JavaScript objects in this process.", [["", its.heapBytes]]),
    gauge("process_start_time_seconds", "When this process began, since the epoch.", [["", its.startedAtSeconds]]),
    gauge(
      "process_open_fds",
      "Files and sockets that this process has open.",
      openFiles === null ? [] : [["", openFiles]],
    ),
  ];
}

/** What events were counted, of all processes. */
export function eventFamilies(counts: readonly EventCount[]): Family[] {
  const series = new Map<EventMetric, Map<string, number>>();
  for (const [metric, its, count] of counts) {
    let known = series.get(metric);
    if (known === undefined) series.set(metric, (known = new Map()));
    known.set(its, (known.get(its) ?? 0) + count);
  }
  return [...series].map(([metric, samples]) =>
    counterOf(`sluice_${metric}_total`, EVENT_METRICS[metric] ?? "Events.", samples),
  );
}

export function summed<T>(
  items: readonly T[],
  labelsOf: (item: T) => string,
  of: (item: T) => number,
): Array<[string, number]> {
  const sums = new Map<string, number>();
  for (const item of items) sums.set(labelsOf(item), (sums.get(labelsOf(item)) ?? 0) + of(item));
  return [...sums];
}
