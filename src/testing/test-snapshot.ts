import type { Clock, ProxyEvent } from "../model/ports.ts";
import type { SnapshotSpec } from "../model/snapshot-spec.ts";
import { Admissions } from "../proxy/limits/admission.ts";
import { localDecider } from "../proxy/limits/rate-deciders.ts";
import type { PluginHost } from "../proxy/pipeline/plugin-host.ts";
import type { PluginSet } from "../proxy/pipeline/plugin-set.ts";
import { localState } from "../proxy/shared-state.ts";
import { Snapshot } from "../proxy/snapshot.ts";
import type { Ticker } from "../proxy/ticker.ts";
import { EndpointRegistry } from "../proxy/upstream/endpoint-registry.ts";
import { HealthRegistry } from "../proxy/upstream/health/health-registry.ts";
import type { Transport } from "../proxy/upstream/transport/transport.ts";
import { TransportRegistry } from "../proxy/upstream/transport/transport-registry.ts";

export interface TestSnapshotParts {
  readonly plugins: PluginSet;
  /** Everything that is forwarded goes here. */
  readonly transport: Transport;
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly host: PluginHost;
  event(event: ProxyEvent): void;
}

/** The real thing, with memory of its own, no Redis and no sockets. */
export function testSnapshot(spec: SnapshotSpec, parts: TestSnapshotParts): Snapshot {
  const { clock, ticker, transport, plugins, host } = parts;
  const event = (what: ProxyEvent) => parts.event(what);
  const shared = localState();
  const endpoints = new EndpointRegistry();
  const memory = { used: () => 0, limitBytes: Number.POSITIVE_INFINITY };
  const snapshot = new Snapshot(spec, {
    endpoints,
    health: new HealthRegistry({ endpoints, shared, ticker, event }),
    admissions: new Admissions({ inFlight: shared.inFlight, clockOffsetMs: 0, clock, ticker, memory, event }),
    rates: { local: localDecider(shared.rates, clock), redis: noRedis },
    transports: new TransportRegistry({ fetch: () => transport, wire: () => transport }),
    clock,
    ticker,
    random: Math.random,
    plugins,
    host,
    event,
  });
  snapshot.activate();
  return snapshot;
}

function noRedis(): never {
  throw new Error("rate limits of a test are counted here");
}
