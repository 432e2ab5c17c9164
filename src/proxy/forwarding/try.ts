import type { Body } from "../../model/body.ts";
import type { Exchange } from "../../model/exchange.ts";
import type { GatewayError } from "../../model/gateway-error.ts";
import type { HeaderMap } from "../../model/header-map.ts";
import type { Cancel, Duplex, Reply, Responder } from "../../model/reply.ts";
import type { UpstreamTimeoutsSpec } from "../../model/snapshot-spec.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import type { Attempt } from "../upstream/transport/transport.ts";

/**
 * One attempt and the ear for its outcome, in one object. Once it is abandoned (timed out, the client gone) whatever the
 * transport still reports is about a try that nobody waits for.
 */
export class Try implements Attempt, Responder {
  readonly exchange: Exchange;
  readonly endpoint: Endpoint;
  readonly addresses: readonly string[];
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  readonly headers: HeaderMap;
  readonly body: Body | null;
  readonly upgrade: string | null;
  readonly timeouts: UpstreamTimeoutsSpec;
  readonly streamIdleMs: number | null;
  readonly #owner: Responder;
  #handle: Cancel | null = null;
  #abandoned: GatewayError | null = null;

  constructor(owner: Responder, parts: Attempt) {
    this.#owner = owner;
    this.exchange = parts.exchange;
    this.endpoint = parts.endpoint;
    this.addresses = parts.addresses;
    this.method = parts.method;
    this.target = parts.target;
    this.authority = parts.authority;
    this.headers = parts.headers;
    this.body = parts.body;
    this.upgrade = parts.upgrade;
    this.timeouts = parts.timeouts;
    this.streamIdleMs = parts.streamIdleMs;
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
    if (this.#abandoned === null) this.#owner.informational(status, headers);
  }

  reply(reply: Reply): void {
    if (this.#abandoned === null) this.#owner.reply(reply);
    else reply.body?.cancel(this.#abandoned);
  }

  tunnel(reply: Reply, upstream: Duplex): void {
    if (this.#abandoned === null) return this.#owner.tunnel(reply, upstream);
    if (upstream.kind === "bytes") upstream.close(this.#abandoned);
    else upstream.close(1001, "");
  }

  failed(error: GatewayError): void {
    if (this.#abandoned === null) this.#owner.failed(error);
  }
}
