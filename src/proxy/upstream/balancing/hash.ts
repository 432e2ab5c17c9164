import type { Exchange } from "../../../model/exchange.ts";
import type { HashKeySpec } from "../../../model/snapshot-spec.ts";
import type { Endpoint } from "../endpoint.ts";
import type { Balancer } from "./balancer.ts";
import { hashKeyOf } from "./hash-key.ts";
import { hashText, rendezvous } from "./rendezvous.ts";

/** Consistent hashing: the same key goes to the same endpoint while that endpoint may be picked. */
export class Hash implements Balancer {
  readonly #by: HashKeySpec;
  #candidates: readonly Endpoint[] = [];
  #seeds = new Uint32Array(0);

  constructor(by: HashKeySpec) {
    this.#by = by;
  }

  pick(candidates: readonly Endpoint[], exchange: Exchange): Endpoint {
    if (candidates !== this.#candidates) {
      this.#candidates = candidates;
      this.#seeds = Uint32Array.from(candidates, (endpoint) => hashText(endpoint.id));
    }
    return candidates[rendezvous(hashText(hashKeyOf(this.#by, exchange)), candidates, this.#seeds)]!;
  }
}
