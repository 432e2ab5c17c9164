import type { Random } from "../../../model/ports.ts";
import type { Endpoint } from "../endpoint.ts";
import type { Balancer } from "./balancer.ts";

/** What a policy of two choices compares; the lower one is picked. */
export type Cost = (endpoint: Endpoint, now: number) => number;

/**
 * The power of two random choices (Mitzenmacher 2001): nearly as even as looking at all endpoints, at the cost of two, and
 * without the herd that runs to whoever looks idle at the moment.
 */
export function pickOfTwo(candidates: readonly Endpoint[], random: Random, cost: Cost, now: number): Endpoint {
  const { length } = candidates;
  if (length === 1) return candidates[0]!;
  const first = Math.floor(random() * length);
  const other = Math.floor(random() * (length - 1));
  const a = candidates[first]!;
  const b = candidates[other >= first ? other + 1 : other]!;
  return cost(b, now) < cost(a, now) ? b : a;
}

/** Two choices by attempts in flight. */
export class P2c implements Balancer {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  pick(candidates: readonly Endpoint[]): Endpoint {
    return pickOfTwo(candidates, this.#random, loadOf, 0);
  }
}

/** With the attempt that is about to begin: of two idle endpoints the heavier one is taken. */
function loadOf(endpoint: Endpoint): number {
  return (endpoint.inFlight + 1) / endpoint.weight;
}
