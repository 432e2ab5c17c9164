import {
  BREAKER_WORDS,
  type BreakerChange,
  type BreakerSettings,
  CircuitBreaker,
} from "../../src/proxy/upstream/health/circuit-breaker.ts";

export const SETTINGS: BreakerSettings = {
  consecutiveFailures: 5,
  failures: null,
  failureRatio: null,
  minimumRequests: 10,
  windowMs: 10_000,
  openMs: 30_000,
  halfOpenRequests: 3,
  successThreshold: 2,
  slowMs: null,
  probeMs: 60_000,
};

export interface Bench {
  readonly breaker: CircuitBreaker;
  readonly changes: BreakerChange[];
  readonly words: Int32Array;
}

export function breakerOf(
  settings: Partial<BreakerSettings> = {},
  words: Int32Array = new Int32Array(BREAKER_WORDS),
): Bench {
  const changes: BreakerChange[] = [];
  const options = { clockOffsetMs: 0, onChange: (change: BreakerChange) => changes.push(change) };
  return { breaker: new CircuitBreaker(words, { ...SETTINGS, ...settings }, options), changes, words };
}

export function fail(breaker: CircuitBreaker, times: number, now: number): void {
  for (let i = 0; i < times; i++) breaker.failed(now, 0);
}
