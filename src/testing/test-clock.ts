import type { Clock } from "../model/ports.ts";

interface Interval {
  readonly ms: number;
  readonly work: () => Promise<void>;
  at: number;
}

/** A clock that stands still until it is told to go on; what happens every so often happens then. */
export class TestClock implements Clock {
  onAdvance: () => void = () => undefined;
  #now = 1_000_000;
  readonly #intervals = new Set<Interval>();

  now(): number {
    return this.#now;
  }

  wall(): number {
    return Date.now();
  }

  /** Resolves when everything that was due has run. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (let next = this.#next(until); next !== null; next = this.#next(until)) {
      this.#now = Math.max(this.#now, next.at);
      next.at += next.ms;
      this.onAdvance();
      await next.work();
    }
    this.#now = until;
    this.onAdvance();
    // Those who waited for this moment go on.
    await Bun.sleep(0);
  }

  every(ms: number, signal: AbortSignal, work: () => Promise<void>): void {
    const interval = { ms, work, at: this.#now + ms };
    this.#intervals.add(interval);
    signal.addEventListener("abort", () => this.#intervals.delete(interval), { once: true });
  }

  #next(until: number): Interval | null {
    let first: Interval | null = null;
    for (const interval of this.#intervals)
      if (interval.at <= until && (first === null || interval.at < first.at)) first = interval;
    return first;
  }
}
