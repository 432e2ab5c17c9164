import type { BreakerSettings, BreakerState } from "../../src/proxy/upstream/health/circuit-breaker.ts";

const BUCKETS = 10;

/** A circuit breaker as one would explain it: lists instead of words, one process, no tricks. */
export class NaiveBreaker {
  state: BreakerState = "closed";
  readonly #settings: BreakerSettings;
  #since = Number.NEGATIVE_INFINITY;
  #inARow = 0;
  #succeededAt = Number.NEGATIVE_INFINITY;
  #calls: Array<{ bucket: number; failed: boolean }> = [];
  #probes = 0;
  #leasedAt = 0;
  #successes = 0;

  constructor(settings: BreakerSettings) {
    this.#settings = settings;
  }

  allows(now: number): boolean {
    if (this.state === "closed") return true;
    if (this.state === "open") {
      if (now - this.#since < this.#settings.openMs) return false;
      this.#become("half-open", now);
    }
    if (this.#probes >= this.#settings.halfOpenRequests) {
      if (now - this.#leasedAt < this.#settings.probeMs) return false;
      this.#probes = 0;
    }
    this.#probes++;
    this.#leasedAt = now;
    return true;
  }

  succeeded(now: number, latencyMs: number): void {
    const { slowMs, successThreshold } = this.#settings;
    if (slowMs !== null && latencyMs > slowMs) return this.failed(now, latencyMs);
    if (this.state === "closed") {
      this.#inARow = 0;
      this.#succeededAt = now;
      this.#count(now, false);
    } else if (this.state === "half-open" && now - latencyMs >= this.#since) {
      this.#probes = Math.max(0, this.#probes - 1);
      if (++this.#successes >= successThreshold) this.#become("closed", now);
    }
  }

  failed(now: number, latencyMs: number): void {
    if (this.state === "open" || now - latencyMs < this.#since) return;
    if (this.state === "half-open") return this.#become("open", now);
    const isOfRow = now - this.#succeededAt >= latencyMs;
    if (isOfRow) this.#inARow++;
    this.#count(now, true);
    const failures = this.#calls.filter((call) => call.failed).length;
    const { consecutiveFailures, failures: most, failureRatio, minimumRequests } = this.#settings;
    const isOver =
      (isOfRow && consecutiveFailures !== null && this.#inARow >= consecutiveFailures) ||
      (most !== null && failures >= most) ||
      (failureRatio !== null && this.#calls.length >= minimumRequests && failures >= failureRatio * this.#calls.length);
    if (isOver) this.#become("open", now);
  }

  cancelled(now: number, latencyMs: number): void {
    if (this.state === "half-open" && now - latencyMs >= this.#since) this.#probes = Math.max(0, this.#probes - 1);
  }

  #count(now: number, failed: boolean): void {
    const bucket = Math.floor(now / (this.#settings.windowMs / BUCKETS));
    this.#calls = this.#calls.filter((call) => call.bucket > bucket - BUCKETS);
    this.#calls.push({ bucket, failed });
  }

  #become(state: BreakerState, now: number): void {
    this.state = state;
    this.#since = now;
    this.#inARow = 0;
    this.#calls = [];
    this.#probes = 0;
    this.#successes = 0;
  }
}
