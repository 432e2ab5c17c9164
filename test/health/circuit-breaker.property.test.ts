import { expect, test } from "bun:test";
import fc from "fast-check";
import { breakerOf, SETTINGS } from "./breakers.ts";
import { NaiveBreaker } from "./naive-breaker.ts";

const threshold = (max: number) => fc.option(fc.integer({ min: 1, max }), { nil: null });
const settings = fc.record({
  consecutiveFailures: threshold(6),
  failures: threshold(8),
  failureRatio: fc.option(fc.constantFrom(0.2, 0.5, 0.9, 1), { nil: null }),
  minimumRequests: fc.integer({ min: 1, max: 12 }),
  windowMs: fc.constantFrom(1_000, 10_000),
  openMs: fc.constantFrom(500, 5_000),
  halfOpenRequests: fc.integer({ min: 1, max: 3 }),
  successThreshold: fc.integer({ min: 1, max: 4 }),
  slowMs: fc.constantFrom(null, 300),
  probeMs: fc.constantFrom(2_000, 20_000),
});

/** Waits, then begins a call, or ends one of those under way (by its place in the list). */
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constant("begin" as const), wait: fc.constantFrom(0, 0, 40, 400, 3_000) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constantFrom("succeed" as const, "fail" as const, "fail" as const, "cancel" as const),
      wait: fc.constantFrom(0, 0, 40, 200, 600),
      which: fc.nat(20),
    }),
  },
);

test("the breaker in words does what the naive one does, through however many instances", () => {
  const reached = { open: 0, "half-open": 0, closed: 0 };
  fc.assert(
    fc.property(
      settings,
      fc.array(step, { minLength: 60, maxLength: 150 }),
      fc.constantFrom(0, 2 ** 27),
      (s, steps, from) => {
        const first = breakerOf({ ...SETTINGS, ...s });
        const instances = [first.breaker, breakerOf({ ...SETTINGS, ...s }, first.words).breaker];
        const naive = new NaiveBreaker({ ...SETTINGS, ...s });
        const running: number[] = [];
        let now = 2 ** 40 + from;
        for (const [i, one] of steps.entries()) {
          now += one.wait;
          const breaker = instances[i % 2]!;
          if (one.does === "begin") {
            const allowed = breaker.mayAllow(now);
            expect(breaker.allows(now)).toBe(allowed);
            expect(naive.allows(now)).toBe(allowed);
            if (allowed) running.push(now);
          } else if (running.length > 0) {
            const latency = now - running.splice(one.which % running.length, 1)[0]!;
            for (const each of [breaker, naive]) {
              if (one.does === "succeed") each.succeeded(now, latency);
              else if (one.does === "fail") each.failed(now, latency);
              else each.cancelled(now, latency);
            }
          }
          expect(breaker.state).toBe(naive.state);
          reached[naive.state]++;
        }
      },
    ),
    { numRuns: 400 },
  );
  // A property that never leaves the first state would prove nothing.
  expect(Math.min(...Object.values(reached))).toBeGreaterThan(500);
});
