import { expect, test } from "bun:test";
import fc from "fast-check";
import { RetryBudget } from "../../src/proxy/upstream/health/retry-budget.ts";

const SETTINGS = { ratio: 0.2, minPerSecond: 0, windowMs: 10_000 };

test("a budget grants one retry for every five requests, and not more", () => {
  const budget = new RetryBudget(SETTINGS);
  let granted = 0;
  for (let i = 0; i < 1_000; i++) {
    budget.requested(i);
    // Three more attempts are wanted for each.
    for (let n = 0; n < 3; n++) if (budget.allowsRetry(i)) granted++;
  }
  expect(granted).toBe(200);
});

test("the floor is there for upstreams that are asked rarely", () => {
  const budget = new RetryBudget({ ...SETTINGS, minPerSecond: 1 });
  budget.requested(0);
  const granted = Array.from({ length: 20 }, () => budget.allowsRetry(5)).filter(Boolean).length;
  expect(granted).toBe(10);
  expect(budget.allowsRetry(9_999)).toBe(false);
  expect(budget.allowsRetry(10_000)).toBe(true);
});

test("a share that binary fractions miss by a hair is granted whole", () => {
  const budget = new RetryBudget({ ...SETTINGS, ratio: 0.29 });
  for (let i = 0; i < 100; i++) budget.requested(0);
  expect(budget.left(0)).toBe(29);
});

test("requests count for one window and are forgotten after it", () => {
  const budget = new RetryBudget(SETTINGS);
  for (let i = 0; i < 100; i++) budget.requested(0);
  expect(budget.left(9_999)).toBe(20);
  expect(budget.left(10_000)).toBe(0);
  for (let i = 0; i < 100; i++) budget.requested(1_000_000);
  expect(budget.left(1_000_000)).toBe(20);
});

test("a dead upstream sees at most 1.2 times its load, however the load moves and however long nobody came", () => {
  const burst = fc.record({ wait: fc.constantFrom(0, 1, 300, 999, 1_000, 25_000), requests: fc.nat(40) });
  fc.assert(
    fc.property(fc.array(burst, { minLength: 20, maxLength: 120 }), (bursts) => {
      const budget = new RetryBudget(SETTINGS);
      const asked: number[] = [];
      const retried: number[] = [];
      let now = 0;
      for (const { wait, requests } of bursts) {
        now += wait;
        for (let i = 0; i < requests; i++) {
          budget.requested(now);
          asked.push(now);
          if (budget.allowsRetry(now)) retried.push(now);
        }
        const bucketOf = (at: number) => Math.floor(at / 1_000);
        const within = (times: number[]) => times.filter((at) => bucketOf(at) > bucketOf(now) - 10).length;
        // Refused too early would be as wrong: what is left is what the naive count leaves.
        expect(budget.left(now)).toBe(Math.max(0, Math.floor(within(asked) * 0.2 + 1e-9) - within(retried)));
      }
      expect(retried.length).toBeLessThanOrEqual(asked.length * 0.2 + 1e-9);
    }),
    { numRuns: 200 },
  );
});
