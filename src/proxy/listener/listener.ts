import type { Exchange, ExchangeOrigins } from "../../model/exchange.ts";
import type { GatewayError } from "../../model/gateway-error.ts";
import type { Clock } from "../../model/ports.ts";
import type { Reply, Responder } from "../../model/reply.ts";
import type { DownstreamTimeoutsSpec, LimitsSpec, ListenerSpec } from "../../model/snapshot-spec.ts";
import type { Ticker } from "../ticker.ts";

/** What a listener hands its requests to. */
export interface Door extends ExchangeOrigins {
  /**
   * Takes the exchange; `on` hears the outcome, perhaps before this returns. When the client goes away before the end the
   * listener calls `exchange.running?.cancel(new GatewayError("client_closed"))`, and then no more of `on` needs an answer.
   */
  handle(exchange: Exchange, on: Responder): void;
  /** The listener calls it exactly once for each handled exchange: after the reply's last byte, or when it was cut short. */
  ended(exchange: Exchange, error?: GatewayError): void;
  /** The reply for something that never became an exchange (a malformed head): also counts and logs it. */
  refuse(error: GatewayError, listener: string, peerAddress: string): Reply;
  /** The reply for `failed`: problem+json with Proxy-Status. */
  failureReply(error: GatewayError, exchange: Exchange): Reply;
  isTrustedPeer(address: string): boolean;
  /** False while shutting down: health checks answer 503. */
  readonly ready: boolean;
  /** Of the snapshot that serves now. */
  readonly limits: LimitsSpec;
  readonly timeouts: DownstreamTimeoutsSpec;
}

export interface ListenerContext {
  readonly door: Door;
  readonly clock: Clock;
  /** Ticks every 100 ms: every timeout hangs on it. */
  readonly fast: Ticker;
  /** Several processes bind the same address (workers). */
  readonly reusePort: boolean;
}

/** A bound address. */
export interface Listener {
  readonly spec: ListenerSpec;
  /** The real port, also when the specification says 0. */
  readonly port: number;
  readonly connections: number;
  /** Takes what can change without a rebind: TLS identities, redirect, health path. The address stays. */
  update(spec: ListenerSpec): void;
  /**
   * Stops accepting; resolves when the last exchange and tunnel has ended. Idle connections close at once, or after
   * `patienceMs`: a request may be on its way already, and is then answered with `Connection: close`.
   */
  drain(patienceMs: number): Promise<void>;
  /** Ends everything now. */
  stop(): void;
}
