import type { Cancel, Responder } from "../../../model/reply.ts";
import type { UpstreamSpec } from "../../../model/snapshot-spec.ts";
import type { Ticker } from "../../ticker.ts";
import type { Endpoint } from "../endpoint.ts";
import type { Attempt, Transport } from "./transport.ts";
import { WireDispatch } from "./wire-dispatch.ts";
import { WirePool } from "./wire-pool.ts";

/** HTTP/1.1 over sockets of our own: cleartext, TLS or unix, pooled by endpoint. */
export class WireTransport implements Transport {
  readonly #spec: UpstreamSpec;
  readonly #ticker: Ticker;
  readonly #pools = new Map<Endpoint, WirePool>();

  constructor(spec: UpstreamSpec, ticker: Ticker) {
    this.#spec = spec;
    this.#ticker = ticker;
  }

  send(attempt: Attempt, on: Responder): Cancel {
    const dispatch = new WireDispatch(attempt, on, this.#ticker.now);
    this.#poolOf(attempt.endpoint).submit(dispatch);
    return dispatch;
  }

  retire(): void {
    for (const pool of this.#pools.values()) pool.retire();
  }

  /** Takes a pool that has connections already. */
  adopt(pool: WirePool): void {
    this.#pools.set(pool.endpoint, pool);
    pool.endpoint.pool = pool;
  }

  #poolOf(endpoint: Endpoint): WirePool {
    const known = this.#pools.get(endpoint);
    if (known !== undefined && !known.retired) return known;
    const pool = new WirePool({ endpoint, spec: this.#spec, ticker: this.#ticker });
    this.adopt(pool);
    return pool;
  }
}
