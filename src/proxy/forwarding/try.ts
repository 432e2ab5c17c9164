import type { Body } from "../../model/body.ts";
import type { Exchange } from "../../model/exchange.ts";
import type { GatewayError } from "../../model/gateway-error.ts";
import type { HeaderMap } from "../../model/header-map.ts";
import type { Cancel, Duplex, Reply, Responder } from "../../model/reply.ts";
import type { UpstreamTimeoutsSpec } from "../../model/snapshot-spec.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import type { Attempt } from "../upstream/transport/transport.ts";

const NONE: readonly string[] = [];

/** Who hears how a try went. */
export interface TryOwner {
  tryInformed(status: number, headers: HeaderMap): void;
  tryReplied(which: Try, reply: Reply): void;
  tryTunnelled(which: Try, reply: Reply, upstream: Duplex): void;
  tryFailed(which: Try, error: GatewayError): void;
}

/**
 * One attempt and the ear for its outcome, in one object. Once it is abandoned (timed out, the client gone, another was faster)
 * whatever the transport still reports is about a try that nobody waits for.
 */
export class Try implements Attempt, Responder {
  readonly exchange: Exchange;
  readonly endpoint: Endpoint;
  readonly timeouts: UpstreamTimeoutsSpec;
  addresses: readonly string[] = NONE;
  method: string;
  target = "";
  authority = "";
  headers: HeaderMap;
  streamIdleMs: number | null = null;
  /** On the clock; 0 where nobody wants to know. */
  sentAt = 0;
  /** Without a head by then it has failed. */
  until = Number.POSITIVE_INFINITY;
  /** Of its reply; 0: there is none, and `code` says why. */
  status = 0;
  code: string | null = null;
  /** It was told to its upstream's health how this went. */
  isSettled = false;
  /** Its place at the endpoint was given back. */
  isReleased = false;
  readonly #owner: TryOwner;
  #handle: Cancel | null = null;
  #abandoned: GatewayError | null = null;

  /** The rest is filled in by its owner before it is sent. */
  constructor(owner: TryOwner, exchange: Exchange, endpoint: Endpoint, timeouts: UpstreamTimeoutsSpec) {
    this.#owner = owner;
    this.exchange = exchange;
    this.endpoint = endpoint;
    this.timeouts = timeouts;
    this.method = exchange.outgoing.method;
    this.headers = exchange.outgoing.headers;
  }

  get body(): Body | null {
    return this.exchange.requestBody;
  }

  get upgrade(): string | null {
    return this.exchange.upgrade;
  }

  /** What stops it, once the transport has returned it. */
  started(handle: Cancel): void {
    this.#handle = handle;
    if (this.#abandoned !== null) handle.cancel(this.#abandoned);
  }

  abandon(why: GatewayError): void {
    if (this.#abandoned !== null) return;
    this.#abandoned = why;
    this.#handle?.cancel(why);
  }

  /** Ends the reply body that is under way; its receiver hears of it. */
  interrupt(why: GatewayError): void {
    this.#handle?.cancel(why);
  }

  informational(status: number, headers: HeaderMap): void {
    if (this.#abandoned === null) this.#owner.tryInformed(status, headers);
  }

  reply(reply: Reply): void {
    this.status = reply.status;
    if (this.#abandoned === null) this.#owner.tryReplied(this, reply);
    else reply.body?.cancel(this.#abandoned);
  }

  tunnel(reply: Reply, upstream: Duplex): void {
    this.status = reply.status;
    if (this.#abandoned === null) return this.#owner.tryTunnelled(this, reply, upstream);
    if (upstream.kind === "bytes") upstream.close(this.#abandoned);
    else upstream.close(1001, "");
  }

  failed(error: GatewayError): void {
    this.code = error.kind;
    if (this.#abandoned === null) this.#owner.tryFailed(this, error);
  }
}
