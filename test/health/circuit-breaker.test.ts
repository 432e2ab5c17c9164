import { describe, expect, test } from "bun:test";
import { breakerOf, fail } from "./breakers.ts";

const NOW = 1_000_000;

describe("a closed breaker", () => {
  test("opens at the configured number of failures in a row, and says why", () => {
    const { breaker, changes } = breakerOf();
    fail(breaker, 4, NOW);
    expect(breaker.state).toBe("closed");
    fail(breaker, 1, NOW);
    expect(breaker.state).toBe("open");
    expect(changes).toEqual([{ from: "closed", to: "open", reason: "5 failures in a row" }]);
    expect(breaker.describe(NOW + 18_000)).toBe("open for 12 s more: 5 failures in a row");
  });

  test("begins to count again after each success", () => {
    const { breaker } = breakerOf();
    for (let i = 0; i < 10; i++) {
      fail(breaker, 4, NOW);
      breaker.succeeded(NOW, 1);
    }
    expect(breaker.state).toBe("closed");
  });

  test("opens by ratio only once there are enough requests", () => {
    const { breaker, changes } = breakerOf({ consecutiveFailures: null, failureRatio: 0.5 });
    for (let i = 0; i < 4; i++) breaker.succeeded(NOW, 1);
    fail(breaker, 5, NOW);
    expect(breaker.state).toBe("closed");
    fail(breaker, 1, NOW);
    expect(changes.map((change) => change.reason)).toEqual(["50 % of at least 10 calls failed within 10 s"]);
  });

  test("opens by number within the window, however many succeed", () => {
    const { breaker } = breakerOf({ consecutiveFailures: null, failures: 3 });
    for (let i = 0; i < 3; i++) {
      for (let n = 0; n < 100; n++) breaker.succeeded(NOW + i, 1);
      expect(breaker.state).toBe("closed");
      breaker.failed(NOW + i, 1);
    }
    expect(breaker.state).toBe("open");
  });

  test("forgets failures that have left the window", () => {
    const { breaker } = breakerOf({ consecutiveFailures: null, failures: 3 });
    fail(breaker, 2, NOW);
    fail(breaker, 2, NOW + 10_000);
    expect(breaker.state).toBe("closed");
    fail(breaker, 1, NOW + 10_000);
    expect(breaker.state).toBe("open");
  });

  test("counts no failure in a row whose call began before another one's success: those who hang together fail together", () => {
    const { breaker } = breakerOf();
    breaker.succeeded(NOW, 1);
    for (let i = 0; i < 50; i++) breaker.failed(NOW + 100, 500);
    expect(breaker.state).toBe("closed");
    for (let i = 0; i < 5; i++) breaker.failed(NOW + 600, 500);
    expect(breaker.state).toBe("open");
  });

  test("takes a reply slower than slowMs for a failure", () => {
    const { breaker } = breakerOf({ slowMs: 500 });
    for (let i = 0; i < 5; i++) breaker.succeeded(NOW, 500);
    expect(breaker.state).toBe("closed");
    for (let i = 0; i < 5; i++) breaker.succeeded(NOW + 1_000, 501);
    expect(breaker.state).toBe("open");
  });
});

describe("an open breaker", () => {
  test("refuses until openMs is over, then lets only so many probes through", () => {
    const { breaker, changes } = breakerOf();
    fail(breaker, 5, NOW);
    expect(breaker.allows(NOW + 29_999)).toBe(false);
    expect(breaker.mayAllow(NOW + 29_999)).toBe(false);
    expect(breaker.mayAllow(NOW + 30_000)).toBe(true);
    expect(breaker.state).toBe("open");
    expect([0, 1, 2, 3, 4].map(() => breaker.allows(NOW + 30_000))).toEqual([true, true, true, false, false]);
    expect(breaker.mayAllow(NOW + 30_000)).toBe(false);
    expect(changes.at(-1)).toEqual({ from: "open", to: "half-open", reason: "5 failures in a row" });
  });

  test("says how long it stays open", () => {
    const { breaker } = breakerOf();
    expect(breaker.probesInMs(NOW)).toBe(0);
    fail(breaker, 5, NOW);
    expect(breaker.probesInMs(NOW + 1_000)).toBe(29_000);
    expect(breaker.probesInMs(NOW + 40_000)).toBe(0);
    expect(breaker.describe(NOW + 40_000)).toBe("open, about to probe: 5 failures in a row");
  });

  test("learns nothing from what was under way when it opened", () => {
    const { breaker } = breakerOf({ successThreshold: 1 });
    fail(breaker, 5, NOW);
    breaker.succeeded(NOW + 100, 200);
    expect(breaker.state).toBe("open");
    expect(breaker.allows(NOW + 30_000)).toBe(true);
    // Began before the probes: neither closes nor opens, and gives back no ticket that it never had.
    breaker.succeeded(NOW + 30_010, 30_500);
    breaker.failed(NOW + 30_010, 30_500);
    breaker.cancelled(NOW + 30_010, 30_500);
    expect(breaker.state).toBe("half-open");
    expect([0, 1, 2].map(() => breaker.allows(NOW + 30_010))).toEqual([true, true, false]);
  });
});

describe("a half-open breaker", () => {
  function halfOpen(settings: Parameters<typeof breakerOf>[0] = {}) {
    const bench = breakerOf(settings);
    fail(bench.breaker, 5, NOW);
    expect(bench.breaker.allows(NOW + 30_000)).toBe(true);
    return bench;
  }

  test("closes after successThreshold probes, and has forgotten what opened it", () => {
    const { breaker, changes } = halfOpen();
    breaker.succeeded(NOW + 30_005, 5);
    expect(breaker.describe(NOW)).toBe("half-open: 1 of 2 probes succeeded");
    expect(breaker.allows(NOW + 30_010)).toBe(true);
    breaker.succeeded(NOW + 30_015, 5);
    expect(breaker.state).toBe("closed");
    expect(changes.at(-1)).toEqual({ from: "half-open", to: "closed", reason: "2 probes in a row succeeded" });
    fail(breaker, 4, NOW + 30_020);
    expect(breaker.state).toBe("closed");
  });

  test("opens again at one failed probe, for the whole openMs", () => {
    const { breaker, changes } = halfOpen();
    breaker.failed(NOW + 30_005, 5);
    expect(changes.at(-1)).toEqual({ from: "half-open", to: "open", reason: "a probe failed" });
    expect(breaker.allows(NOW + 60_004)).toBe(false);
    expect(breaker.allows(NOW + 60_005)).toBe(true);
  });

  test("opens again at a slow probe", () => {
    const { breaker } = halfOpen({ slowMs: 500 });
    breaker.succeeded(NOW + 30_501, 501);
    expect(breaker.state).toBe("open");
  });

  test("gives a cancelled probe to somebody else", () => {
    const { breaker } = halfOpen({ halfOpenRequests: 1 });
    expect(breaker.allows(NOW + 30_001)).toBe(false);
    breaker.cancelled(NOW + 30_002, 2);
    expect(breaker.allows(NOW + 30_003)).toBe(true);
    expect(breaker.allows(NOW + 30_004)).toBe(false);
  });

  test("does not wait for ever for a probe that nobody will report", () => {
    const { breaker } = halfOpen({ halfOpenRequests: 2, probeMs: 5_000 });
    expect(breaker.allows(NOW + 31_000)).toBe(true);
    expect(breaker.allows(NOW + 35_999)).toBe(false);
    expect(breaker.mayAllow(NOW + 36_000)).toBe(true);
    expect([0, 1, 2].map(() => breaker.allows(NOW + 36_000))).toEqual([true, true, false]);
  });

  test("needs all of successThreshold in one spell", () => {
    const { breaker } = halfOpen();
    breaker.succeeded(NOW + 30_005, 5);
    expect(breaker.allows(NOW + 30_006)).toBe(true);
    breaker.failed(NOW + 30_010, 4);
    expect(breaker.allows(NOW + 61_000)).toBe(true);
    breaker.succeeded(NOW + 61_005, 5);
    expect(breaker.state).toBe("half-open");
  });
});

test("a breaker works across the moment when its 28-bit clock begins again", () => {
  const wrap = 2 ** 28 * 1000;
  const { breaker } = breakerOf({ successThreshold: 1 });
  fail(breaker, 5, wrap - 10_000);
  expect(breaker.allows(wrap + 19_999)).toBe(false);
  expect(breaker.allows(wrap + 20_000)).toBe(true);
  breaker.succeeded(wrap + 20_010, 10);
  expect(breaker.state).toBe("closed");
});

test("two breakers over the same words are one, and each change is told once", () => {
  const one = breakerOf();
  const other = breakerOf({}, one.words);
  fail(one.breaker, 2, NOW);
  fail(other.breaker, 3, NOW);
  expect(one.breaker.state).toBe("open");
  expect(one.breaker.allows(NOW + 30_000)).toBe(true);
  expect(other.breaker.allows(NOW + 30_000)).toBe(true);
  expect(one.breaker.allows(NOW + 30_000)).toBe(true);
  expect(other.breaker.allows(NOW + 30_000)).toBe(false);
  one.breaker.succeeded(NOW + 30_010, 10);
  other.breaker.succeeded(NOW + 30_010, 10);
  expect(one.breaker.state).toBe("closed");
  expect([...one.changes, ...other.changes].map((change) => change.to).sort()).toEqual(["closed", "half-open", "open"]);
});

test("a process whose clock is a little behind takes an open breaker for open", () => {
  const { breaker } = breakerOf();
  fail(breaker, 5, NOW);
  expect(breaker.allows(NOW - 10)).toBe(false);
});

test("a breaker that has been closed for days still counts, at any time of its clock", () => {
  for (const age of [2 ** 28 - 3_000_000, 2 ** 28 - 30_000, 2 ** 28 - 1, 2 ** 28 + 1_000, 2 ** 28 + 30_000]) {
    const { breaker } = breakerOf();
    for (let i = 0; i < 5; i++) breaker.failed(age, 100);
    expect(breaker.state).toBe("open");
  }
});

describe("what a process that died halfway left in the words", () => {
  const IN_A_ROW = 1;
  const TICKETS = 2;
  const SUCCESSES = 4;
  const ANOTHER_SPELL = 5 << 20;

  test("of failures before it opened opens nothing after it has closed", () => {
    const { breaker, words } = breakerOf({ successThreshold: 1 });
    fail(breaker, 5, NOW);
    words[IN_A_ROW] = 5;
    expect(breaker.allows(NOW + 30_000)).toBe(true);
    breaker.succeeded(NOW + 30_010, 10);
    fail(breaker, 1, NOW + 30_020);
    expect(breaker.state).toBe("closed");
  });

  test("of tickets and successes of another spell counts for nothing", () => {
    const { breaker, words } = breakerOf();
    fail(breaker, 5, NOW);
    words[TICKETS] = ANOTHER_SPELL | 3;
    words[SUCCESSES] = ANOTHER_SPELL | 1;
    expect([0, 1, 2, 3].map(() => breaker.allows(NOW + 30_000))).toEqual([true, true, true, false]);
    breaker.succeeded(NOW + 30_010, 10);
    expect(breaker.state).toBe("half-open");
  });
});
