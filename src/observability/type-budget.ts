export interface TypeBudgetDeps {
  /** Monotonic ms. */
  readonly now: () => number;
  readonly later: (run: () => void, ms: number) => void;
  /** Told a while after the first event that was dropped, with all of that while. */
  readonly dropped: (type: string, count: number) => void;
}

interface Bucket {
  tokens: number;
  filledAt: number;
  dropped: number;
}

const TELL_AFTER_MS = 1000;

/** A token bucket for each type of event: so many in a second, and as many at once. Types are few and fixed. */
export class TypeBudget {
  readonly #perSecond: number;
  readonly #deps: TypeBudgetDeps;
  readonly #buckets = new Map<string, Bucket>();

  constructor(perSecond: number, deps: TypeBudgetDeps) {
    this.#perSecond = perSecond;
    this.#deps = deps;
  }

  /** @returns false when there have been too many of the type: then it is counted. */
  take(type: string): boolean {
    const now = this.#deps.now();
    let bucket = this.#buckets.get(type);
    if (bucket === undefined) {
      bucket = { tokens: this.#perSecond, filledAt: now, dropped: 0 };
      this.#buckets.set(type, bucket);
    }
    bucket.tokens = Math.min(this.#perSecond, bucket.tokens + ((now - bucket.filledAt) * this.#perSecond) / 1000);
    bucket.filledAt = now;
    if (bucket.tokens >= 1) {
      bucket.tokens--;
      return true;
    }
    if (bucket.dropped++ === 0) this.#tellLater(type, bucket);
    return false;
  }

  #tellLater(type: string, bucket: Bucket): void {
    this.#deps.later(() => {
      const { dropped } = bucket;
      bucket.dropped = 0;
      this.#deps.dropped(type, dropped);
    }, TELL_AFTER_MS);
  }
}
