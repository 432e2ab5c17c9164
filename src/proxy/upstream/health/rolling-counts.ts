/** A window is counted in this many buckets: what leaves it, leaves by a tenth. */
const BUCKETS = 10;
const COUNT_BITS = 20;
const COUNT_MASK = (1 << COUNT_BITS) - 1;
const TURNS = 1 << (32 - COUNT_BITS);

/** Words that one series of counts takes. */
export const ROLLING_WORDS = BUCKETS;

/**
 * A count of what happened within a rolling window, in memory that several processes may share. Each bucket is one word that
 * says which turn of the window it belongs to beside its count: one compare-and-swap counts, and old buckets need no clearing.
 */
export class RollingCounts {
  readonly #words: Int32Array;
  readonly #bucketMs: number;

  /** @param words `ROLLING_WORDS` of them, zeros at first. @param windowMs at least 10. */
  constructor(words: Int32Array, windowMs: number) {
    this.#words = words;
    this.#bucketMs = Math.max(1, windowMs / BUCKETS);
  }

  /** @param now in ms, not negative, of a clock that all who share the words agree on. */
  add(now: number): void {
    const bucket = Math.floor(now / this.#bucketMs);
    const turn = Math.floor(bucket / BUCKETS) % TURNS;
    const at = bucket % BUCKETS;
    const words = this.#words;
    let seen = Atomics.load(words, at);
    for (;;) {
      const found = Atomics.compareExchange(words, at, seen, counted(seen, turn));
      if (found === seen) return;
      seen = found;
    }
  }

  sum(now: number): number {
    const bucket = Math.floor(now / this.#bucketMs);
    const newest = bucket % BUCKETS;
    const turn = Math.floor(bucket / BUCKETS) % TURNS;
    const before = (turn + TURNS - 1) % TURNS;
    let sum = 0;
    for (let at = 0; at < BUCKETS; at++) {
      const word = Atomics.load(this.#words, at);
      if (word >>> COUNT_BITS === (at <= newest ? turn : before)) sum += word & COUNT_MASK;
    }
    return sum;
  }

  clear(): void {
    for (let at = 0; at < BUCKETS; at++) Atomics.store(this.#words, at, 0);
  }
}

/** A full bucket stays full: a million in a tenth of a window says enough. */
function counted(word: number, turn: number): number {
  if (word >>> COUNT_BITS !== turn) return (turn << COUNT_BITS) | 1;
  return (word & COUNT_MASK) === COUNT_MASK ? word : word + 1;
}
