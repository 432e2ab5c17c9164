/** How much of a geometric average each observation is: some twenty of them decide. */
const SHARE = 0.1;

/** What became of an attempt, as far as its endpoint is to blame. */
export const Outcome = {
  ok: 0,
  /** 500 and above, but none of the next. */
  serverError: 1,
  /** No connection, reset, timeout, a broken reply, 502, 503, 504. */
  gatewayError: 2,
} as const;
export type OutcomeKind = (typeof Outcome)[keyof typeof Outcome];

/** What one worker has seen of one endpoint. Owned by its detector; others read. */
export class OutlierRecord {
  readonly endpoint: string;
  serverErrorsInARow = 0;
  gatewayErrorsInARow = 0;
  /** Within the current interval. */
  requests = 0;
  failures = 0;
  /** Replies that the average latency is made of. */
  measured = 0;
  /** Ejected until then; 0: not ejected. */
  until = 0;
  /** It was ejected for being slow only. */
  isSlow = false;
  /** Grows with each ejection, shrinks with each healthy interval. */
  ejections = 0;
  /** Since when it has been back; -Infinity: it never was out. */
  returnedAt = Number.NEGATIVE_INFINITY;
  /** Of its ejection, or why it deserves one that the cap forbids; "" for none. */
  reason = "";
  /** Logarithms: one reply that took a thousand times as long moves the average by a factor of two, not of a hundred. */
  #logLatency = 0;

  constructor(endpoint: string) {
    this.endpoint = endpoint;
  }

  get isEjected(): boolean {
    return this.until > 0;
  }

  /** Geometric moving average of the latency, in ms. */
  get latencyMs(): number {
    return this.measured === 0 ? 0 : Math.exp(this.#logLatency);
  }

  measure(latencyMs: number): void {
    const log = Math.log(Math.max(latencyMs, 0.01));
    // An honest mean of the first few, then a moving one.
    this.measured++;
    this.#logLatency += (log - this.#logLatency) * Math.max(SHARE, 1 / this.measured);
  }

  /** A fresh start: what it was ejected for must not eject it again. */
  forget(): void {
    this.serverErrorsInARow = 0;
    this.gatewayErrorsInARow = 0;
    this.requests = 0;
    this.failures = 0;
    this.measured = 0;
    this.#logLatency = 0;
    this.reason = "";
  }
}
