import type { Exchange } from "../../model/exchange.ts";
import type { Random } from "../../model/ports.ts";
import type { HashKeySpec } from "../../model/snapshot-spec.ts";
import { drawWeighted } from "../upstream/balancing/draw-weighted.ts";
import { hashKeyOf } from "../upstream/balancing/hash-key.ts";
import { hashText, rendezvous } from "../upstream/balancing/rendezvous.ts";

export interface SplitTarget {
  readonly upstream: { readonly name: string };
  readonly weight: number;
}

/**
 * Which of a route's upstreams takes the exchange: by weight, drawn anew each time, or by a key, so that a client stays. When
 * weights change, as few clients as possible move.
 */
export function pickSplit<T extends SplitTarget>(
  targets: readonly T[],
  by: HashKeySpec | null,
  exchange: Exchange,
  random: Random,
): T {
  if (by === null) return targets[drawWeighted(targets, random)]!;
  return targets[rendezvous(hashText(hashKeyOf(by, exchange)), targets, seedsOf(targets))]!;
}

const seeds = new WeakMap<readonly SplitTarget[], Uint32Array>();

function seedsOf(targets: readonly SplitTarget[]): Uint32Array {
  let known = seeds.get(targets);
  if (known === undefined) {
    // Not the upstream's name alone: it would seed the choice of an endpoint by the same key, too.
    known = Uint32Array.from(targets, ({ upstream }) => hashText(`split ${upstream.name}`));
    seeds.set(targets, known);
  }
  return known;
}
