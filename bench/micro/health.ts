/** ns per call of what health, breaker and retry budget add to a request: `bun bench/micro/health.ts`. */
import { rmSync, writeFileSync } from "node:fs";
import { RetryBudget } from "../../src/proxy/upstream/health/retry-budget.ts";
import { BREAKER_WORDS, CircuitBreaker } from "../../src/proxy/upstream/health/circuit-breaker.ts";
import { standingOf } from "../../src/proxy/upstream/health/health-state.ts";
import { OutlierDetector } from "../../src/proxy/upstream/health/outlier-detector.ts";
import { Outcome } from "../../src/proxy/upstream/health/outlier-record.ts";

const CALLS = 200_000;

function bench(name: string, run: (now: number) => unknown): void {
  let best = Number.POSITIVE_INFINITY;
  let kept = 0;
  for (let round = 0; round < 8; round++) {
    const from = Bun.nanoseconds();
    // Time passes as it does at some 20,000 requests a second.
    for (let i = 0; i < CALLS; i++) if (run(1_000_000 + i / 20) !== null) kept++;
    best = Math.min(best, (Bun.nanoseconds() - from) / CALLS);
  }
  console.log(`${name.padEnd(52)} ${best.toFixed(1).padStart(7)} ns${kept === 0 ? " !" : ""}`);
}

/** Shared memory, as it is with workers. */
function sharedWords(): Int32Array {
  const path = `/dev/shm/sluice-bench-${process.pid}`;
  writeFileSync(path, Buffer.alloc(BREAKER_WORDS * 4), { mode: 0o600 });
  const bytes = Bun.mmap(path, { shared: true });
  rmSync(path);
  return new Int32Array(bytes.buffer, bytes.byteOffset, BREAKER_WORDS);
}

const breakerSettings = {
  consecutiveFailures: 5,
  failures: null,
  minimumRequests: 20,
  windowMs: 10_000,
  openMs: 30_000,
  halfOpenRequests: 3,
  successThreshold: 2,
  slowMs: 10_000,
  probeMs: 60_000,
};
const options = { clockOffsetMs: 12_345.5, onChange: () => undefined };
for (const [name, failureRatio] of [
  ["in a row", null],
  ["in a row and ratio", 0.5],
] as const) {
  const breaker = new CircuitBreaker(sharedWords(), { ...breakerSettings, failureRatio }, options);
  bench(`breaker (${name}): allows, succeeded`, (now) => {
    if (breaker.allows(now)) breaker.succeeded(now, 1);
  });
}
const failing = new CircuitBreaker(
  sharedWords(),
  { ...breakerSettings, consecutiveFailures: null, failureRatio: 0.9 },
  options,
);
let turn = 0;
bench("breaker: every second call fails", (now) =>
  (turn ^= 1) === 0 ? failing.succeeded(now, 1) : failing.failed(now, 1),
);
const open = new CircuitBreaker(sharedWords(), breakerSettings as never, options);
for (let i = 0; i < 5; i++) open.failed(1_000_000, 0);
bench("breaker: open, refuses", () => open.allows(1_000_001));

const slow = { factor: 5, atLeastMs: 20, minimumRequests: 20 };
const outlierSettings = {
  consecutive5xx: 5,
  consecutiveGatewayErrors: 5,
  failureRatio: 0.85,
  minimumRequests: 50,
  intervalMs: 10_000,
  ejectMs: 30_000,
  maxEjectMs: 300_000,
  maxEjected: 0.5,
};
for (const [name, its] of [
  ["without latency", null],
  ["with latency", slow],
] as const) {
  const detector = new OutlierDetector({ ...outlierSettings, slow: its }, () => undefined);
  const records = Array.from({ length: 3 }, (_, i) => detector.track(`e${i}`));
  let i = 0;
  bench(`outlier detector (${name}): observe`, (now) => {
    if (++i >= records.length) i = 0;
    return detector.observe(records[i]!, Outcome.ok, 1 + i, now);
  });
}
const many = new OutlierDetector({ ...outlierSettings, slow }, () => undefined);
for (let i = 0; i < 100; i++)
  for (let n = 0; n < 30; n++) many.observe(many.track(`e${i}`), Outcome.ok, 5 + (i % 3), 0);
bench("outlier detector: tick of 100 endpoints", (now) => many.tick(now));

const budget = new RetryBudget({ ratio: 0.2, minPerSecond: 1, windowMs: 10_000 });
bench("retry budget: requested", (now) => budget.requested(now));
bench("retry budget: requested, allowsRetry", (now) => {
  budget.requested(now);
  return budget.allowsRetry(now);
});

const closed = new CircuitBreaker(sharedWords(), breakerSettings as never, options);
const signals = { draining: false, weight: 1, active: null, outlier: many.track("e0"), breaker: closed };
bench("standing of an endpoint", (now) => standingOf(signals, now));
