import { spellOf } from "./breaker-word.ts";

const OUT = 0;
const LEASE = 1;
const SUCCESSES = 2;

/** Words they take. */
export const PROBE_WORDS = 3;

const COUNT_BITS = 20;
const COUNT_MASK = (1 << COUNT_BITS) - 1;

export interface ProbeLimits {
  readonly halfOpenRequests: number;
  readonly probeMs: number;
}

/**
 * Which probes of a half-open breaker are out, and how many have succeeded. Both counts carry the spell they belong to, so that
 * what a spell leaves behind is nothing to the next. Tickets are held on a lease that each new one renews for all: tickets that a
 * dead worker held come back when nobody has taken one for `probeMs`.
 *
 * `word` is the breaker's state word, `at` the machine's time.
 */
export class ProbeTickets {
  readonly #words: Int32Array;
  readonly #limits: ProbeLimits;

  constructor(words: Int32Array, limits: ProbeLimits) {
    this.#words = words;
    this.#limits = limits;
  }

  take(word: number, at: number): boolean {
    const words = this.#words;
    const renewed = Math.floor(at) | 0;
    for (;;) {
      const seen = Atomics.load(words, OUT);
      const lease = Atomics.load(words, LEASE);
      let out = countIn(seen, word);
      // The lease before the ticket: whoever dies in between has taken nothing for longer than a lease.
      if (out < this.#limits.halfOpenRequests) {
        Atomics.store(words, LEASE, renewed);
      } else {
        if (!this.#isOver(lease, at)) return false;
        if (Atomics.compareExchange(words, LEASE, lease, renewed) !== lease) continue;
        out = 0;
      }
      if (Atomics.compareExchange(words, OUT, seen, counted(word, out + 1)) === seen) return true;
    }
  }

  giveBack(word: number): void {
    const words = this.#words;
    for (;;) {
      const seen = Atomics.load(words, OUT);
      const out = countIn(seen, word);
      if (out === 0 || Atomics.compareExchange(words, OUT, seen, counted(word, out - 1)) === seen) return;
    }
  }

  isAnyLeft(word: number, at: number): boolean {
    const out = countIn(Atomics.load(this.#words, OUT), word);
    return out < this.#limits.halfOpenRequests || this.#isOver(Atomics.load(this.#words, LEASE), at);
  }

  /** @returns how many have, this one included. */
  addSuccess(word: number): number {
    const words = this.#words;
    for (;;) {
      const seen = Atomics.load(words, SUCCESSES);
      const successes = countIn(seen, word) + 1;
      if (Atomics.compareExchange(words, SUCCESSES, seen, counted(word, successes)) === seen) return successes;
    }
  }

  successes(word: number): number {
    return countIn(Atomics.load(this.#words, SUCCESSES), word);
  }

  clear(): void {
    for (let i = 0; i < PROBE_WORDS; i++) Atomics.store(this.#words, i, 0);
  }

  #isOver(lease: number, at: number): boolean {
    const elapsed = (Math.floor(at) - lease) | 0;
    return Math.abs(elapsed) >= this.#limits.probeMs;
  }
}

function countIn(seen: number, word: number): number {
  return seen >>> COUNT_BITS === spellOf(word) ? seen & COUNT_MASK : 0;
}

function counted(word: number, count: number): number {
  return (spellOf(word) << COUNT_BITS) | count;
}
