import type { Endpoint } from "../endpoint.ts";
import type { Balancer } from "./balancer.ts";

/** The fewest attempts in flight for its weight; equals take turns. */
export class LeastConnections implements Balancer {
  #turn = 0;

  pick(candidates: readonly Endpoint[]): Endpoint {
    const { length } = candidates;
    const first = this.#turn < length ? this.#turn : 0;
    let best = first;
    let least = loadOf(candidates[first]!);
    for (let n = 1, i = first + 1; n < length; n++, i++) {
      if (i >= length) i = 0;
      const load = loadOf(candidates[i]!);
      if (load >= least) continue;
      best = i;
      least = load;
    }
    this.#turn = best + 1;
    return candidates[best]!;
  }
}

function loadOf(endpoint: Endpoint): number {
  return endpoint.inFlight / endpoint.weight;
}
