import { GatewayError } from "../../../model/gateway-error.ts";
import type { UpstreamSpec } from "../../../model/snapshot-spec.ts";
import type { Ticker } from "../../ticker.ts";
import type { Endpoint, EndpointPool } from "../endpoint.ts";
import { WireClient } from "./wire-client.ts";
import type { WireDispatch } from "./wire-dispatch.ts";

export interface WirePoolDeps {
  readonly endpoint: Endpoint;
  readonly spec: UpstreamSpec;
  readonly ticker: Ticker;
}

/** The connections to one endpoint: the one used last is used next, so that the others grow old and go. */
export class WirePool implements EndpointPool {
  readonly endpoint: Endpoint;
  readonly spec: UpstreamSpec;
  readonly ticker: Ticker;
  retired = false;
  readonly #idle: WireClient[] = [];
  /** First in, first out; entries that were settled while they waited are skipped. */
  #queue: WireDispatch[] = [];
  #size = 0;

  constructor(deps: WirePoolDeps) {
    this.endpoint = deps.endpoint;
    this.spec = deps.spec;
    this.ticker = deps.ticker;
  }

  get sizes(): { idle: number; busy: number; waiting: number } {
    const idle = this.#idle.length;
    return { idle, busy: this.#size - idle, waiting: this.#queue.length };
  }

  submit(dispatch: WireDispatch): void {
    const client = this.#idle.pop();
    if (client !== undefined) client.start(dispatch);
    else this.#submitFresh(dispatch);
  }

  /** For an attempt whose pooled connection was dead: not another one of the same age. */
  resubmit(dispatch: WireDispatch): void {
    dispatch.resent = true;
    dispatch.client = null;
    this.#submitFresh(dispatch);
  }

  /** The connection may carry another attempt. */
  release(client: WireClient): void {
    const next = this.#next();
    if (next !== null) return client.start(next);
    if (this.retired) return client.close();
    this.#idle.push(client);
  }

  /** The connection is gone. */
  lost(client: WireClient): void {
    this.#size--;
    const at = this.#idle.indexOf(client);
    if (at >= 0) this.#idle.splice(at, 1);
    const next = this.#size < this.spec.limits.maxConnections ? this.#next() : null;
    if (next !== null) this.#connect(next);
  }

  retire(): void {
    this.retired = true;
    for (const client of this.#idle.splice(0)) client.close();
  }

  #submitFresh(dispatch: WireDispatch): void {
    const { maxConnections, maxPending } = this.spec.limits;
    if (this.#size < maxConnections) return this.#connect(dispatch);
    this.#forgetSettled();
    if (this.#queue.length >= maxPending) {
      return dispatch.fail(
        new GatewayError("overloaded", `${maxPending} requests wait for ${this.endpoint.id} already`),
      );
    }
    this.#queue.push(dispatch);
    this.ticker.add(dispatch);
  }

  #forgetSettled(): void {
    for (const waiting of this.#queue) if (waiting.settled) this.ticker.remove(waiting);
    this.#queue = this.#queue.filter((waiting) => !waiting.settled);
  }

  #next(): WireDispatch | null {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      this.ticker.remove(next);
      if (!next.settled) return next;
    }
    return null;
  }

  #connect(dispatch: WireDispatch): void {
    this.#size++;
    new WireClient(this).connect(dispatch);
  }
}
