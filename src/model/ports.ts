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
  /** Once for each attempt that has a reply's head (`status`), or will have none (0, and `code` says why). As cheap. */
  attemptEnded(slot: number, outcome: AttemptOutcome, ms: number): void;
  /** An attempt begins that is not its exchange's first. */
  retried(slot: number): void;
  event(event: ProxyEvent): void;
}

export interface AttemptOutcome {
  readonly status: number;
  readonly code: string | null;
}

/** What happened, for logs now and for webhooks and streams later. Plain values: an event may leave the process as JSON. */
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
  | { type: "internal"; where: string; error: unknown }
  | HealthEvent
  | TrafficEvent
  | ExchangeEvent
  | ProcessEvent;

/** What Sluice came to think of an endpoint or an upstream; `reason` says why, in words for people. */
export type HealthEvent =
  | {
      type: "circuit_breaker.opened" | "circuit_breaker.half_open" | "circuit_breaker.closed";
      upstream: string;
      /** null: the upstream's own breaker. */
      endpoint: string | null;
      reason: string;
    }
  | { type: "outlier.ejected"; upstream: string; endpoint: string; forMs: number; reason: string }
  | { type: "outlier.returned"; upstream: string; endpoint: string; reason: string }
  | { type: "upstream.unhealthy" | "upstream.recovered"; upstream: string; endpoint: string; reason: string };

/** What was refused or done otherwise, because there was too much of it. */
export type TrafficEvent =
  | {
      type: "rate_limit.exceeded";
      limit: string;
      /** null: before routing. */
      route: string | null;
      /** What the limit counts by, never the key itself: that may be a credential. */
      by: string;
      requestId: string;
      mode: "enforce" | "shadow";
    }
  | { type: "rate_limit.fallback" | "rate_limit.recovered"; reason: string }
  | { type: "overloaded"; where: string; reason: string }
  | { type: "retry_budget.exhausted"; upstream: string };

/** How an exchange ended, where that is worth knowing; derived from the exchange, told by nobody else. */
export type ExchangeEvent =
  | { type: "auth.failure"; route: string | null; code: string; client: string; requestId: string }
  | {
      type: "request.error";
      route: string | null;
      upstream: string | null;
      endpoint: string | null;
      status: number;
      code: string;
      detail: string;
      requestId: string;
    };

/** Of the process tree as a whole: told by the control plane, where there is one of each. */
export type ProcessEvent =
  | { type: "config.reloaded"; version: number; routes: number }
  | { type: "config.rejected"; errors: readonly string[] }
  | { type: "worker.restarted"; worker: number; reason: string }
  /** So many of a type came at once that not all were told. */
  | { type: "events.dropped"; of: string; count: number };
