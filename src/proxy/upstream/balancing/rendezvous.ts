/**
 * Weighted rendezvous hashing (Thaler and Ravishankar 1998; weights after Schindelhauer and Schomaker 2005): every member gets
 * a score from its own hash and the key's, and the highest wins. When a member leaves, only its own keys move, in proportion
 * to the others' weights; no ring to build, and equally good for any subset of the members.
 */
export interface Weighted {
  readonly weight: number;
}

export function hashText(text: string): number {
  return Bun.hash.xxHash32(text);
}

/** @param seeds `hashText` of each member's name. @returns the index of the winner; members without weight never win. */
export function rendezvous(key: number, members: readonly Weighted[], seeds: Uint32Array): number {
  let best = 0;
  let bestScore = -1;
  for (let i = 0; i < members.length; i++) {
    const { weight } = members[i]!;
    if (weight <= 0) continue;
    // -w / ln(u) for u in (0, 1): positive, and above any other member's with a probability of w / Σw.
    const score = -weight / Math.log((mix(key ^ seeds[i]!) + 0.5) / 4294967296);
    if (score <= bestScore) continue;
    best = i;
    bestScore = score;
  }
  return best;
}

/** The finalizer of MurmurHash3: every bit of the input moves every bit of the output. */
function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
