import type { Random } from "../../../model/ports.ts";
import type { Endpoint } from "../endpoint.ts";
import type { Balancer } from "./balancer.ts";
import { drawWeighted } from "./draw-weighted.ts";

/** Each pick is a draw of its own, by weight. */
export class RandomChoice implements Balancer {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  pick(candidates: readonly Endpoint[]): Endpoint {
    return candidates[drawWeighted(candidates, this.#random)]!;
  }
}
