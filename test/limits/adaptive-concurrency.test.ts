import { describe, expect, test } from "bun:test";
import { AdaptiveConcurrency } from "../../src/proxy/limits/adaptive-concurrency.ts";
import { Server } from "./simulated-server.ts";

describe("the adaptive limit before a server that does 16 at a time in 10 ms, 1600 a second", () => {
  test("keeps five times the load at full goodput and a short queue", () => {
    const server = new Server({ parallel: 16, serviceMs: 10 });
    server.run({ perSecond: 8000, ms: 5000 });
    const { perSecond, p99 } = server.run({ perSecond: 8000, ms: 20_000 });
    expect(perSecond).toBeGreaterThan(1600 * 0.9);
    expect(p99).toBeLessThan(30);
  });

  test("does not learn an overload that lasts for minutes", () => {
    const server = new Server({ parallel: 16, serviceMs: 10 });
    server.run({ perSecond: 8000, ms: 300_000 });
    const { perSecond, p99 } = server.run({ perSecond: 8000, ms: 20_000 });
    expect(perSecond).toBeGreaterThan(1600 * 0.9);
    expect(p99).toBeLessThan(30);
    expect(server.adaptive.limit).toBeLessThan(40);
  });

  test("refuses nothing of half the load", () => {
    const server = new Server({ parallel: 16, serviceMs: 10 });
    server.run({ perSecond: 800, ms: 5000 });
    expect(server.run({ perSecond: 800, ms: 60_000 }).refused).toBe(0);
  });

  test("finds the new limit when the server becomes five times as slow, and again when it recovers", () => {
    const server = new Server({ parallel: 16, serviceMs: 10 });
    server.run({ perSecond: 8000, ms: 10_000 });
    server.serviceMs = 50;
    server.run({ perSecond: 8000, ms: 70_000 });
    const slow = server.run({ perSecond: 8000, ms: 20_000 });
    expect(slow.perSecond).toBeGreaterThan(320 * 0.9);
    expect(slow.p99).toBeLessThan(150);
    server.serviceMs = 10;
    server.run({ perSecond: 8000, ms: 20_000 });
    const fast = server.run({ perSecond: 8000, ms: 20_000 });
    expect(fast.perSecond).toBeGreaterThan(1600 * 0.9);
    expect(fast.p99).toBeLessThan(30);
  });

  test("grows from little to what a large server can do", () => {
    const server = new Server({ parallel: 400, serviceMs: 10 });
    server.run({ perSecond: 60_000, ms: 20_000 });
    expect(server.run({ perSecond: 60_000, ms: 5000 }).perSecond).toBeGreaterThan(40_000 * 0.9);
  });
});

/** What requests cost, in ms: 20 on the average. */
const COSTS: Record<string, (random: number) => number> = {
  "the same": () => 20,
  "exponentially different": (random) => -20 * Math.log(1 - random),
  "next to nothing or 36 ms": (random) => (random < 0.5 ? 4 : 36),
  "little, and one in ten 155 ms": (random) => (random < 0.9 ? 5 : 155),
};

describe.each(Object.keys(COSTS))("the adaptive limit before requests that cost %s", (cost) => {
  test.each([8, 64])(
    "has room for 70 %% of what a server of %d can do, and keeps five times as much out",
    (parallel) => {
      const server = new Server({ parallel, serviceMs: 20, costOf: COSTS[cost]! });
      const most = (parallel * 1000) / 20;
      server.run({ perSecond: most * 0.7, ms: 5000 });
      const calm = server.run({ perSecond: most * 0.7, ms: 30_000 });
      expect(calm.refused).toBeLessThan(0.03 * most * 0.7 * 30);
      server.run({ perSecond: most * 5, ms: 5000 });
      const over = server.run({ perSecond: most * 5, ms: 60_000 });
      expect(over.perSecond).toBeGreaterThan(most * 0.9);
      expect(over.p99).toBeLessThan(calm.p99 * 3);
    },
  );
});

test.each([4, 16, 64])("an adaptive limit that begins in an overload finds what a server of %d can do", (parallel) => {
  const server = new Server({ parallel, serviceMs: 20 });
  const most = (parallel * 1000) / 20;
  server.run({ perSecond: most * 5, ms: 10_000 });
  const { perSecond, p99 } = server.run({ perSecond: most * 5, ms: 20_000 });
  expect(perSecond).toBeGreaterThan(most * 0.9);
  expect(p99).toBeLessThan(60);
});

describe("the adaptive limit", () => {
  function rig(options: { min?: number; max?: number; initial?: number } = {}) {
    let now = 0;
    const adaptive = new AdaptiveConcurrency({ ...options, now: () => now });
    const window = (latencyMs: number, inFlight: number, dropped = false) => {
      for (let i = 0; i < 60; i++) {
        now += 10;
        adaptive.observe(latencyMs, inFlight, dropped);
      }
    };
    return { adaptive, window, wait: (ms: number) => (now += ms) };
  }

  test("does not grow while nobody needs more", () => {
    const { adaptive, window } = rig({ initial: 20 });
    for (let i = 0; i < 50; i++) window(5, 2);
    expect(adaptive.limit).toBe(20);
    for (let i = 0; i < 3; i++) window(5, adaptive.limit);
    expect(adaptive.limit).toBeGreaterThan(20);
  });

  test("backs off when requests are dropped, to half of where it began: an upstream that refuses may be back soon", () => {
    const { adaptive, window } = rig({ initial: 100 });
    window(5, 100, true);
    expect(adaptive.limit).toBeLessThan(100);
    for (let i = 0; i < 100; i++) window(5, adaptive.limit, true);
    expect(adaptive.limit).toBe(50);
  });

  test("stays within its bounds, whatever is observed", () => {
    const { adaptive, window } = rig({ min: 2, max: 50 });
    for (const latency of [Number.POSITIVE_INFINITY, 0, 1e9, Number.NaN, -5, 1e-9, Number.POSITIVE_INFINITY, 0, 5]) {
      for (let i = 0; i < 40; i++) window(latency, 1000);
      expect(adaptive.limit).toBeWithin(2, 51);
      expect(Number.isInteger(adaptive.limit)).toBe(true);
    }
  });

  test("takes no difference below a millisecond for a queue", () => {
    const { adaptive, window } = rig({ initial: 100 });
    for (const latency of [0, -1, 0.01, 1, 0.5, 1]) window(latency, 60);
    expect(adaptive.limit).toBeGreaterThan(100);
  });

  test("ends a probe that nobody comes to", () => {
    const { adaptive, window, wait } = rig({ initial: 100 });
    window(5, 60);
    wait(61_000);
    window(5, 100);
    expect(adaptive.limit).toBeLessThan(20);
    wait(5000);
    adaptive.observe(5, 50, false);
    expect(adaptive.limit).toBeGreaterThan(50);
  });

  test("does not probe while it keeps nobody out", () => {
    const { adaptive, window, wait } = rig({ initial: 100 });
    for (let i = 0; i < 20; i++) {
      window(5, 60);
      expect(adaptive.limit).toBeGreaterThanOrEqual(100);
      wait(61_000);
    }
  });

  test("has bounds that make sense", () => {
    expect(() => rig({ min: 0 })).toThrow("1 <= min <= max");
    expect(() => rig({ min: 9, max: 8 })).toThrow("1 <= min <= max");
  });
});
