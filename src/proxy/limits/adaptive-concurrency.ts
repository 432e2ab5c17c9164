export interface AdaptiveOptions {
  readonly initial?: number;
  readonly min?: number;
  readonly max?: number;
  /** Latency above the baseline that is no sign of a queue, as a share of it. */
  readonly tolerance?: number;
  /** A window closes after so long, when it has samples enough: the more the higher the limit is, between these. */
  readonly windowMs?: number;
  readonly minSamples?: number;
  readonly maxSamples?: number;
  /** How often at most the baseline is measured anew, and only while the limit is reached. */
  readonly probeEveryMs?: number;
  /** A probe takes so many samples, or fewer (`minProbeSamples`) after `probeMs`. */
  readonly probeSamples?: number;
  readonly minProbeSamples?: number;
  readonly probeMs?: number;
  /**
   * Monotonic milliseconds; a coarse clock will do. Processes before one upstream should count from the same zero: they probe
   * together then, for one alone would measure the queue of the others.
   */
  readonly now: () => number;
}

const DEFAULTS = {
  initial: 20,
  min: 1,
  max: 1000,
  tolerance: 0.25,
  windowMs: 100,
  minSamples: 10,
  maxSamples: 50,
  probeEveryMs: 60_000,
  probeSamples: 50,
  minProbeSamples: 10,
  probeMs: 1000,
};

/** A sample that took so many times the baseline counts as no more: one that hangs says little of the others. */
const MOST = 10;
/** How far the baseline follows a window while places are free, and how far it falls with one that was full. */
const DRIFT = 0.1;
const FALL = 0.3;
/** While nothing is known but a latency under a full limit, which may be that of a queue. */
const FIRST_PROBE_MS = 1000;
/** A probe that took long is not repeated before so many times as long have passed. */
const REST = 20;
/** What a probe leaves of the limit: little enough for no queue, even before an upstream that is far over its limit. */
const PROBED = 0.125;
/** A probe that found more than so many times the baseline, or less than that part of it, is believed at once. */
const NEWS = 2;
const DROP_BACK_OFF = 0.9;
/** Drops alone bring the limit no lower than this part of where it began: an upstream that refuses is not slow, and may be back soon. */
const DROP_LEAST = 0.5;
const LOWEST_GRADIENT = 0.5;
const SMOOTHING = 0.3;
/** What is faster counts as this: a share of next to nothing is noise, and a coarse clock measures 0. */
const LEAST_MS = 1;

/**
 * A concurrency limit that finds itself: the gradient method, after Netflix's concurrency-limits and Envoy's adaptive concurrency
 * filter. The mean latency of a window against the baseline without a queue says by how much the limit is too high; the square
 * root of the limit is added each time, so that it grows where there is room and a queue of that length is what it settles at.
 *
 * While places are free there is no lasting queue, and the baseline follows what is measured. While the limit is reached it only
 * falls, for it would learn an overload that lasts; it rises by a probe: the limit drops for a moment and what starts then is
 * measured.
 */
export class AdaptiveConcurrency {
  readonly #options: Required<AdaptiveOptions>;
  #max: number;
  #limit: number;
  #baseline = 0;
  #count = 0;
  #sum = 0;
  #dropped = false;
  #busiest = 0;
  #windowStart: number;
  #probePeriod = 0;
  #probeStart: number | null = null;
  /** While probing: the limit is met since. */
  #lowSince = 0;
  /** Mean latency of the last window. */
  #latest = 0;
  /** No probe before. */
  #restUntil = 0;
  /** The baseline was seen while there were places free, or by a probe. */
  #isBaselineSure = false;

  constructor(options: AdaptiveOptions) {
    this.#options = { ...DEFAULTS, ...options };
    const { initial, min, max } = this.#options;
    this.#max = max;
    if (!(min >= 1 && max >= min)) throw new RangeError(`adaptive concurrency from ${min} to ${max}: 1 <= min <= max`);
    this.#limit = Math.min(max, Math.max(min, initial));
    this.#windowStart = options.now();
    this.#enterPeriod(this.#windowStart);
  }

  /** Requests that may be in flight now; a whole number. */
  get limit(): number {
    return this.#probeStart === null ? Math.floor(this.#limit) : this.#probeLimit;
  }

  /** What was learned stays. */
  set max(max: number) {
    this.#max = Math.max(this.#options.min, max);
    this.#limit = Math.min(this.#limit, this.#max);
  }

  /** Latency without a queue, ms; 0 before the first window closed. */
  get baselineMs(): number {
    return this.#baseline;
  }

  /**
   * One request has ended.
   * @param inFlight how many there were, this one included
   * @param dropped it timed out or was refused for overload: its latency says nothing
   */
  observe(latencyMs: number, inFlight: number, dropped: boolean): void {
    const now = this.#options.now();
    if (inFlight > this.#busiest) this.#busiest = inFlight;
    if (dropped) this.#dropped = true;
    // While probing only what met all that started before gone counts.
    else if (
      latencyMs >= 0 &&
      latencyMs < Number.POSITIVE_INFINITY &&
      (this.#probeStart === null || this.#isProbe(now, inFlight))
    )
      this.#sample(latencyMs);
    const enough = this.#count >= this.#leastSamples(now) || (this.#dropped && this.#count === 0);
    if (!enough || now - this.#windowStart < this.#options.windowMs) {
      this.#giveUpProbe(now);
      return;
    }
    if (this.#probeStart === null) this.#closeWindow(now);
    else this.#endProbe(now);
    this.#openWindow(now);
  }

  #leastSamples(now: number): number {
    const { minSamples, maxSamples, probeSamples, minProbeSamples, probeMs } = this.#options;
    // A small limit moves by large steps, and may do so on less: else it would stand still before what is slow.
    if (this.#probeStart === null) return Math.max(minSamples, Math.min(maxSamples, 3 * this.#limit));
    return now - this.#probeStart < probeMs ? probeSamples : minProbeSamples;
  }

  /** @returns true when it is another one. All who count from the same zero enter it together. */
  #enterPeriod(now: number): boolean {
    const before = this.#probePeriod;
    this.#probePeriod = Math.floor(now / (this.#isBaselineSure ? this.#options.probeEveryMs : FIRST_PROBE_MS));
    return this.#probePeriod !== before;
  }

  get #probeLimit(): number {
    return Math.max(this.#options.min, Math.floor(this.#limit * PROBED));
  }

  // All that ends from here on, quick or slow: what had to start within the probe as well would be the quick.
  #isProbe(now: number, inFlight: number): boolean {
    if (inFlight <= this.#probeLimit) this.#lowSince = Math.min(this.#lowSince, now);
    return now >= this.#lowSince + Math.max(this.#options.windowMs, 2 * this.#latest);
  }

  #closeWindow(now: number): void {
    const { min, initial } = this.#options;
    const wasFull = this.#isFull;
    if (this.#count > 0) this.#latest = this.#sum / this.#count;
    if (this.#count > 0 && !wasFull) this.#knowBaseline(now);
    // The first windows of all saw only what was quick, or a queue: the first probe tells more.
    if (this.#count > 0 && this.#isBaselineSure) this.#learn(this.#latest, wasFull);
    if (this.#dropped) this.#limit = Math.max(Math.min(this.#limit, initial * DROP_LEAST), this.#limit * DROP_BACK_OFF);
    this.#limit = Math.min(this.#max, Math.max(min, this.#limit));
    if (!this.#enterPeriod(now) || !wasFull || now < this.#restUntil) return;
    if (this.#probeLimit >= Math.floor(this.#limit)) return;
    this.#probeStart = now;
    this.#lowSince = Number.POSITIVE_INFINITY;
  }

  #sample(latencyMs: number): void {
    const most = this.#baseline === 0 ? Number.POSITIVE_INFINITY : this.#baseline * MOST;
    this.#sum += Math.min(most, Math.max(LEAST_MS, latencyMs));
    this.#count++;
  }

  #learn(latency: number, wasFull: boolean): void {
    if (this.#baseline === 0) this.#baseline = latency;
    else if (!wasFull) this.#baseline += (latency - this.#baseline) * DRIFT;
    else if (latency < this.#baseline) this.#baseline += (latency - this.#baseline) * FALL;
    const aim = this.#baseline * (1 + this.#options.tolerance);
    const gradient = Math.max(LOWEST_GRADIENT, Math.min(1, aim / latency));
    const wanted = this.#limit * gradient + Math.sqrt(this.#limit);
    // A limit that nobody reaches is not known to be too low.
    if (wanted < this.#limit || this.#busiest >= this.#limit / 2) this.#limit += (wanted - this.#limit) * SMOOTHING;
  }

  // Nearly, for who is less important leaves places free.
  get #isFull(): boolean {
    return this.#busiest >= this.#limit * 0.75;
  }

  #knowBaseline(now: number): void {
    if (this.#isBaselineSure) return;
    this.#isBaselineSure = true;
    this.#enterPeriod(now);
  }

  #endProbe(now: number): void {
    this.#restUntil = now + REST * (now - this.#probeStart!);
    this.#probeStart = null;
    if (this.#count === 0) return;
    const found = this.#sum / this.#count;
    const isNews = !this.#isBaselineSure || found > this.#baseline * NEWS || found < this.#baseline / NEWS;
    this.#baseline = isNews ? found : (this.#baseline + found) / 2;
    this.#knowBaseline(now);
  }

  // Nobody comes, or nothing ends: a probe must not keep the limit down.
  #giveUpProbe(now: number): void {
    if (this.#probeStart === null) return;
    const patience = Math.max(10 * this.#options.windowMs, 20 * this.#latest);
    if (now - this.#probeStart <= patience) return;
    this.#restUntil = now + REST * (now - this.#probeStart);
    this.#probeStart = null;
    this.#openWindow(now);
  }

  #openWindow(now: number): void {
    this.#windowStart = now;
    this.#count = 0;
    this.#sum = 0;
    this.#busiest = 0;
    this.#dropped = false;
  }
}
