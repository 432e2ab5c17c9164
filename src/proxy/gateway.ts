import type { Exchange } from "../model/exchange.ts";
import type { GatewayError } from "../model/gateway-error.ts";
import type { Clock, Telemetry } from "../model/ports.ts";
import type { Reply, Responder } from "../model/reply.ts";
import type { DownstreamTimeoutsSpec, LimitsSpec } from "../model/snapshot-spec.ts";
import { clientAddress } from "./client-address.ts";
import { failureReply } from "./failure-reply.ts";
import type { Door } from "./listener/listener.ts";
import { RequestIds } from "./request-id.ts";
import type { Snapshot } from "./snapshot.ts";
import { Way } from "./way.ts";

export interface GatewayDeps {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/**
 * The door every listener hands its exchanges to. The snapshot is read once, here; `Way` is the rest of a request's life, and
 * `ended` its last moment.
 */
export class Gateway implements Door {
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #ids = new RequestIds();
  #snapshot: Snapshot;
  #ready = true;

  constructor(snapshot: Snapshot, deps: GatewayDeps) {
    this.#snapshot = snapshot;
    this.#clock = deps.clock;
    this.#telemetry = deps.telemetry;
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** The swap: requests that are under way keep the snapshot they began with. */
  serve(snapshot: Snapshot): Snapshot {
    const old = this.#snapshot;
    this.#snapshot = snapshot;
    return old;
  }

  /** Readiness fails first: a balancer in front stops sending before we stop accepting. */
  leave(): void {
    this.#ready = false;
  }

  get ready(): boolean {
    return this.#ready;
  }

  handle(exchange: Exchange, on: Responder): void {
    const way = new Way(this.#snapshot, exchange, on, this.#telemetry);
    try {
      way.begin();
    } catch (cause) {
      way.crashed(cause);
    }
  }

  ended(exchange: Exchange, error?: GatewayError): void {
    exchange.endedAt = this.#clock.now();
    if (error !== undefined && exchange.failure === null) {
      exchange.failure = error;
      exchange.code = error.kind;
    }
    exchange.holding?.release();
    exchange.running = null;
    exchange.holding = null;
    exchange.admitted?.release();
    exchange.admitted = null;
    if (!exchange.quiet) this.#telemetry.exchangeEnded(exchange);
    exchange.hooks?.ended();
  }

  refuse(error: GatewayError, listener: string, peerAddress: string): Reply {
    this.#telemetry.event({
      type: "request.refused",
      listener,
      peer: peerAddress,
      code: error.kind,
      detail: error.detail,
    });
    const id = this.#ids.next();
    const reply = failureReply(error, id);
    reply.headers.push("X-Request-Id", id);
    return reply;
  }

  failureReply(error: GatewayError, exchange: Exchange): Reply {
    return failureReply(error, exchange.id);
  }

  isTrustedPeer(address: string): boolean {
    return this.#snapshot.trusted.has(address);
  }

  clientIp(exchange: Exchange): string {
    if (!exchange.peer.trusted) return exchange.peer.address;
    const chain = exchange.received.headers.getAll("x-forwarded-for");
    return clientAddress(exchange.peer.address, chain, this.#snapshot.trusted);
  }

  requestId(exchange: Exchange): string {
    return this.#ids.idOf(exchange);
  }

  get limits(): LimitsSpec {
    return this.#snapshot.spec.limits;
  }

  get timeouts(): DownstreamTimeoutsSpec {
    return this.#snapshot.spec.timeouts;
  }
}
