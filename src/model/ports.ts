import type { Exchange } from "./exchange.ts";

/** Milliseconds. `now` is monotonic, `wall` is since the epoch. */
export interface Clock {
  now(): number;
  wall(): number;
}

/** In [0, 1). */
export type Random = () => number;

/** What the data plane tells; nobody in `proxy/` knows who listens. */
export interface Telemetry {
  /** Once for each exchange, after its last byte. Must be cheap: it stands on the way of a request. */
  exchangeEnded(exchange: Exchange): void;
  event(event: ProxyEvent): void;
}

export type ProxyEvent =
  | { type: "listener.opened"; listener: string; address: string }
  | { type: "listener.closed"; listener: string }
  | { type: "upstream.failure"; upstream: string; endpoint: string; code: string; detail: string }
  | { type: "request.refused"; listener: string; peer: string; code: string; detail: string }
  | { type: "plugin.failed"; plugin: string; phase: string; message: string; requestId: string }
  | { type: "plugin.suspended"; plugin: string; phase: string; failures: number; forMs: number }
  | { type: "plugin.resumed"; plugin: string }
  | { type: "plugin.setup"; plugin: string; generation: string; ms: number }
  | { type: "plugin.closed"; plugin: string; generation: string }
  | { type: "internal"; where: string; error: unknown };
