import type { Endpoint } from "../endpoint.ts";
import type { Balancer } from "./balancer.ts";

/**
 * Smooth weighted round-robin, as nginx does it: each pick credits every candidate with its weight, takes the richest and
 * debits it with the sum, so that weights 5, 1, 1 give a a b a c a a and not a a a a a b c.
 *
 * Credit belongs to the endpoint and not to its place in the list: a retry's shorter list disturbs nobody's turn.
 */
export class RoundRobin implements Balancer {
  readonly #slots: ReadonlyMap<Endpoint, number>;
  readonly #credit: Float64Array;
  #candidates: readonly Endpoint[] = [];
  #places = new Uint32Array(0);
  #next = 0;
  #even = true;

  constructor(endpoints: readonly Endpoint[]) {
    this.#slots = new Map(endpoints.map((endpoint, i) => [endpoint, i]));
    this.#credit = new Float64Array(endpoints.length + 1);
  }

  pick(candidates: readonly Endpoint[]): Endpoint {
    if (candidates !== this.#candidates) this.#learn(candidates);
    // Weights change without the list changing, but rarely: they are looked at once a round.
    if (this.#next >= candidates.length) {
      this.#next = 0;
      this.#even = isEven(candidates);
    }
    return this.#even ? candidates[this.#next++]! : this.#pickSmoothly(candidates);
  }

  #learn(candidates: readonly Endpoint[]): void {
    const strangers = this.#credit.length - 1;
    this.#candidates = candidates;
    this.#places = Uint32Array.from(candidates, (endpoint) => this.#slots.get(endpoint) ?? strangers);
    this.#even = isEven(candidates);
  }

  #pickSmoothly(candidates: readonly Endpoint[]): Endpoint {
    const credit = this.#credit;
    const places = this.#places;
    let total = 0;
    let best = 0;
    for (let i = 0; i < candidates.length; i++) {
      const { weight } = candidates[i]!;
      total += weight;
      credit[places[i]!]! += weight;
      if (credit[places[i]!]! > credit[places[best]!]!) best = i;
    }
    credit[places[best]!]! -= total;
    this.#next++;
    return candidates[best]!;
  }
}

function isEven(candidates: readonly Endpoint[]): boolean {
  const { weight } = candidates[0]!;
  for (let i = 1; i < candidates.length; i++) if (candidates[i]!.weight !== weight) return false;
  return true;
}
