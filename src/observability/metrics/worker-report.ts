import type { EventCount } from "./event-counts.ts";
import type { ProcessVitals } from "./process-vitals.ts";

/** What a worker says of itself when metrics are read. Plain JSON: it goes through a channel. */
export interface WorkerReport {
  readonly process: ProcessVitals;
  readonly endpoints: readonly EndpointGauges[];
  readonly breakers: readonly BreakerGauge[];
  readonly queues: readonly QueueGauge[];
  readonly listeners: ReadonlyArray<{ readonly name: string; readonly connections: number }>;
  readonly hooks: readonly HookTiming[];
  readonly plugins: readonly PluginNumbers[];
  readonly events: readonly EventCount[];
}

/** As one worker sees it. */
export interface EndpointGauges {
  readonly upstream: string;
  readonly endpoint: string;
  readonly inFlight: number;
  readonly isAvailable: boolean;
  readonly isEjected: boolean;
  /** null: its transport does not tell. */
  readonly pool: PoolSizes | null;
}

export interface PoolSizes {
  readonly idle: number;
  readonly busy: number;
  /** Attempts that wait for a connection. */
  readonly waiting: number;
}

export interface BreakerGauge {
  readonly upstream: string;
  /** null: the upstream's own. */
  readonly endpoint: string | null;
  readonly state: "closed" | "half-open" | "open";
}

export interface QueueGauge {
  readonly upstream: string;
  readonly waiting: number;
}

/** Bucket `i` counts what took less than 2^i µs; the last one everything above. */
export interface HookTiming {
  readonly plugin: string;
  readonly phase: string;
  readonly buckets: readonly number[];
  readonly sumMs: number;
  readonly failures: number;
}

/** A metric that a plugin made. */
export interface PluginNumbers {
  readonly name: string;
  readonly kind: "counter" | "histogram";
  readonly help: string;
  readonly buckets: readonly number[];
  /** By rendered labels: a counter's value, or a histogram's buckets, then count and sum. */
  readonly series: ReadonlyArray<readonly [labels: string, numbers: readonly number[]]>;
}

/** Where the numbers of one process are; shaped as the data plane has them. */
export interface ReportSources {
  readonly process: ProcessVitals;
  readonly endpoints: Iterable<EndpointSource>;
  /** Of upstreams as a whole. */
  readonly upstreams: Iterable<{ readonly name: string; readonly health: { readonly breaker: BreakerSource | null } }>;
  readonly queues: Iterable<QueueGauge>;
  readonly listeners: WorkerReport["listeners"];
  readonly timings: Iterable<TimingSource>;
  readonly metrics: Iterable<PluginMetricSource>;
  readonly events: readonly EventCount[];
}

interface BreakerSource {
  readonly state: BreakerGauge["state"];
}

interface EndpointSource {
  readonly upstream: string;
  readonly id: string;
  readonly inFlight: number;
  readonly standing: string;
  readonly outlier: { readonly isEjected: boolean } | null;
  readonly breaker: BreakerSource | null;
  readonly pool: { retire(): void; readonly sizes?: PoolSizes } | null;
}

interface TimingSource extends Omit<HookTiming, "buckets"> {
  readonly buckets: ArrayLike<number>;
}

interface PluginMetricSource extends Omit<PluginNumbers, "series"> {
  readonly series: ReadonlyMap<string, ArrayLike<number>>;
}

/** What this process reports. */
export function workerReport(sources: ReportSources): WorkerReport {
  const endpoints = [...sources.endpoints];
  const ofUpstreams = [...sources.upstreams].flatMap(({ name, health }) => breakerOf(name, null, health.breaker));
  const ofEndpoints = endpoints.flatMap(({ upstream, id, breaker }) => breakerOf(upstream, id, breaker));
  return {
    process: sources.process,
    endpoints: endpoints.map(gaugesOf),
    breakers: [...ofUpstreams, ...ofEndpoints],
    queues: [...sources.queues].map(({ upstream, waiting }) => ({ upstream, waiting })),
    listeners: sources.listeners.map(({ name, connections }) => ({ name, connections })),
    hooks: [...sources.timings].map(({ plugin, phase, buckets, sumMs, failures }) => {
      return { plugin, phase, buckets: Array.from(buckets), sumMs, failures };
    }),
    plugins: [...sources.metrics].map(({ name, kind, help, buckets, series }) => {
      const rows = [...series].map(([labels, numbers]) => [labels, Array.from(numbers)] as const);
      return { name, kind, help, buckets: [...buckets], series: rows };
    }),
    events: sources.events,
  };
}

function gaugesOf({ upstream, id, inFlight, standing, outlier, pool }: EndpointSource): EndpointGauges {
  return {
    upstream,
    endpoint: id,
    inFlight,
    isAvailable: standing === "available",
    isEjected: outlier?.isEjected === true,
    pool: pool?.sizes ?? null,
  };
}

function breakerOf(upstream: string, endpoint: string | null, breaker: BreakerSource | null): BreakerGauge[] {
  return breaker === null ? [] : [{ upstream, endpoint, state: breaker.state }];
}
