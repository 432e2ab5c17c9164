export interface RetryBudgetSettings {
  /** Retries for each request, 0.2 for one in five. */
  readonly ratio: number;
  /** Retries a second, over ten seconds, that are granted however few requests there are. */
  readonly minPerSecond: number;
  /** How far back requests and retries are compared: what was saved up before an outage is what it may see at once. */
  readonly windowMs: number;
}

const BUCKETS = 10;
/** The floor is for upstreams that are asked rarely: a few at once, and then none for a while. */
const FLOOR_MS = 10_000;

/**
 * How many retries (and hedges) an upstream may be sent: within any window no more than `ratio` of its requests or the floor,
 * whichever is more, and the same over ten seconds, so that the floor is paid back. A dead upstream sees 1.2 times its load at a
 * ratio of 0.2, not `retries + 1` times. One for each upstream and worker, outliving reloads. No allocation, O(1).
 */
export class RetryBudget {
  readonly #ratio: number;
  readonly #floor: number;
  readonly #requests: Rolling;
  readonly #retries: Rolling;
  readonly #requestsLong: Rolling;
  readonly #retriesLong: Rolling;

  constructor({ ratio, minPerSecond, windowMs }: RetryBudgetSettings) {
    const longMs = Math.max(windowMs, FLOOR_MS);
    this.#ratio = ratio;
    this.#floor = (minPerSecond * FLOOR_MS) / 1000;
    this.#requests = new Rolling(windowMs);
    this.#retries = new Rolling(windowMs);
    this.#requestsLong = new Rolling(longMs);
    this.#retriesLong = new Rolling(longMs);
  }

  /** A request's first attempt is sent. */
  requested(now: number): void {
    this.#requests.add(now);
    this.#requestsLong.add(now);
  }

  /** @returns whether one more attempt may be sent; yes takes it out of the budget. */
  allowsRetry(now: number): boolean {
    if (this.left(now) < 1) return false;
    this.#retries.add(now);
    this.#retriesLong.add(now);
    return true;
  }

  /** Retries that would be granted now. */
  left(now: number): number {
    const short = this.#granted(this.#requests.sum(now)) - this.#retries.sum(now);
    const long = this.#granted(this.#requestsLong.sum(now)) - this.#retriesLong.sum(now);
    return Math.max(0, Math.floor(Math.min(short, long)));
  }

  #granted(requests: number): number {
    // A hair more: 0.29 × 100 is 29, whatever binary fractions say.
    return Math.max(this.#ratio * requests, this.#floor) + 1e-9;
  }
}

/** How often something happened within the window that ends now. */
class Rolling {
  readonly #bucketMs: number;
  readonly #counts = new Float64Array(BUCKETS);
  #sum = 0;
  #newest = Number.NEGATIVE_INFINITY;
  #at = 0;

  constructor(windowMs: number) {
    this.#bucketMs = windowMs / BUCKETS;
  }

  add(now: number): void {
    this.#advance(now);
    this.#counts[this.#at]! += 1;
    this.#sum++;
  }

  sum(now: number): number {
    this.#advance(now);
    return this.#sum;
  }

  #advance(now: number): void {
    const bucket = Math.floor(now / this.#bucketMs);
    if (bucket <= this.#newest) return;
    const steps = Math.min(bucket - this.#newest, BUCKETS);
    this.#newest = bucket;
    for (let i = 0; i < steps; i++) {
      this.#at = (this.#at + 1) % BUCKETS;
      this.#sum -= this.#counts[this.#at]!;
      this.#counts[this.#at] = 0;
    }
  }
}
