import type { Random } from "../../../model/ports.ts";
import type { Weighted } from "./rendezvous.ts";

/** @returns an index, drawn with the probability of its weight; 0 when nothing has any. */
export function drawWeighted(members: readonly Weighted[], random: Random): number {
  let total = 0;
  for (let i = 0; i < members.length; i++) total += members[i]!.weight;
  if (total <= 0) return 0;
  let left = random() * total;
  let last = 0;
  for (let i = 0; i < members.length; i++) {
    const { weight } = members[i]!;
    if (weight <= 0) continue;
    if (left < weight) return i;
    left -= weight;
    last = i;
  }
  // Rounding may leave a hair's breadth at the end.
  return last;
}
