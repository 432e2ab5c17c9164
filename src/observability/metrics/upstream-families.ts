import { type Family, labels } from "./exposition.ts";
import { inTurns, type Turn } from "./pace.ts";
import { gauge, summed } from "./state-families.ts";
import type { BreakerGauge, EndpointGauges, WorkerReport } from "./worker-report.ts";

/** What all workers say of one endpoint. */
interface Merged {
  readonly labels: string;
  seenBy: number;
  inFlight: number;
  available: number;
  ejected: number;
  hasPool: boolean;
  idle: number;
  busy: number;
  waiting: number;
}

const STATES: Readonly<Record<BreakerGauge["state"], number>> = { closed: 0, "half-open": 1, open: 2 };

/** What endpoints and upstreams are like now. There may be thousands, of each worker, so that it takes its time. */
export async function upstreamFamilies(reports: readonly WorkerReport[], turn: Turn): Promise<Family[]> {
  const endpoints = new Map<string, Merged>();
  const breakers = new Map<string, number>();
  for (const report of reports) {
    await inTurns(report.endpoints, (endpoint) => merge(endpoints, endpoint), turn);
    await inTurns(report.breakers, (breaker) => keepWorst(breakers, breaker), turn);
  }
  const queues = reports.flatMap((report) => report.queues);
  const listeners = reports.flatMap((report) => report.listeners);
  const byUpstream = ({ upstream }: { upstream: string }) => labels({ upstream });
  const byListener = ({ name }: { name: string }) => labels({ listener: name });
  return [
    ...endpointGauges([...endpoints.values()]),
    gauge(
      "sluice_circuit_breaker_state",
      "0: closed, 1: half-open, 2: open. Without an endpoint: the upstream's own.",
      breakers,
    ),
    gauge(
      "sluice_admission_queue_waiting",
      "Requests that wait for a place at an upstream.",
      summed(queues, byUpstream, ({ waiting }) => waiting),
    ),
    gauge(
      "sluice_listener_connections",
      "Connections of clients.",
      summed(listeners, byListener, ({ connections }) => connections),
    ),
  ];
}

function endpointGauges(all: readonly Merged[]): Family[] {
  const of = (name: string, help: string, value: (endpoint: Merged) => number) => gauge(name, help, each(all, value));
  const pools = all.filter(({ hasPool }) => hasPool);
  return [
    of("sluice_upstream_in_flight", "Attempts whose body has not ended.", ({ inFlight }) => inFlight),
    of(
      "sluice_endpoint_available_ratio",
      "Share of the workers that would send a request there.",
      ({ available, seenBy }) => available / seenBy,
    ),
    of(
      "sluice_endpoint_ejected_workers",
      "Workers that keep away from it because of what traffic said.",
      ({ ejected }) => ejected,
    ),
    gauge("sluice_pool_connections", "Connections to endpoints.", connections(pools)),
    gauge(
      "sluice_pool_waiting",
      "Attempts that wait for a connection.",
      each(pools, ({ waiting }) => waiting),
    ),
  ];
}

/** Worked out when it is read, which may be in another turn. */
function each(all: readonly Merged[], value: (endpoint: Merged) => number): Iterable<readonly [string, number]> {
  return {
    *[Symbol.iterator]() {
      for (const endpoint of all) yield [endpoint.labels, value(endpoint)] as const;
    },
  };
}

function connections(pools: readonly Merged[]): Iterable<readonly [string, number]> {
  return {
    *[Symbol.iterator]() {
      for (const { labels, idle, busy } of pools) {
        yield [`${labels},state="idle"`, idle] as const;
        yield [`${labels},state="busy"`, busy] as const;
      }
    },
  };
}

function merge(all: Map<string, Merged>, { upstream, endpoint, pool, ...its }: EndpointGauges): void {
  const key = `${upstream} ${endpoint}`;
  let merged = all.get(key);
  if (merged === undefined) all.set(key, (merged = nothingYet(labels({ upstream, endpoint }))));
  merged.seenBy++;
  merged.inFlight += its.inFlight;
  merged.available += Number(its.isAvailable);
  merged.ejected += Number(its.isEjected);
  if (pool === null) return;
  merged.hasPool = true;
  merged.idle += pool.idle;
  merged.busy += pool.busy;
  merged.waiting += pool.waiting;
}

function nothingYet(its: string): Merged {
  return {
    labels: its,
    seenBy: 0,
    inFlight: 0,
    available: 0,
    ejected: 0,
    hasPool: false,
    idle: 0,
    busy: 0,
    waiting: 0,
  };
}

/** Workers share the state; one may see a change a moment later. */
function keepWorst(worst: Map<string, number>, { upstream, endpoint, state }: BreakerGauge): void {
  const its = labels({ upstream, endpoint: endpoint ?? "" });
  worst.set(its, Math.max(worst.get(its) ?? 0, STATES[state]));
}
