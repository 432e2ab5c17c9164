import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { Limit, LocalLimiter } from "../../src/proxy/limits/gcra.ts";
import { seededRandom } from "../routing/requests.ts";
import { newLimiter, newTable, NOW } from "./tables.ts";

setDefaultTimeout(60_000);

const HUNDRED = new Limit("hundred", { max: 100, windowMs: 60_000 });

function takeAll(limiter: ReturnType<typeof newLimiter>, key: string, limit: Limit, now: number): number {
  let allowed = 0;
  while (limiter.take(key, limit, now).allowed) allowed++;
  return allowed;
}

describe("a local limit", () => {
  test("allows max at once, then one an interval", () => {
    const limiter = newLimiter();
    expect(takeAll(limiter, "k", HUNDRED, NOW)).toBe(100);
    expect(takeAll(limiter, "k", HUNDRED, NOW + 599)).toBe(0);
    expect(takeAll(limiter, "k", HUNDRED, NOW + 600)).toBe(1);
    expect(takeAll(limiter, "k", HUNDRED, NOW + 30_000)).toBe(49);
    expect(takeAll(limiter, "k", HUNDRED, NOW + 600_000)).toBe(100);
  });

  test("says what is left, when the next is allowed and when all is refilled", () => {
    const limiter = newLimiter();
    expect({ ...limiter.take("k", HUNDRED, NOW) }).toEqual({
      allowed: true,
      remaining: 99,
      retryAfterMs: 0,
      resetMs: 600,
    });
    takeAll(limiter, "k", HUNDRED, NOW);
    expect({ ...limiter.take("k", HUNDRED, NOW + 100) }).toEqual({
      allowed: false,
      remaining: 0,
      retryAfterMs: 500,
      resetMs: 59_900,
    });
    expect(limiter.take("k", HUNDRED, NOW + 600).remaining).toBe(0);
  });

  test("with a burst allows only that at once", () => {
    const limiter = newLimiter();
    const limit = new Limit("burst", { max: 100, windowMs: 60_000, burst: 5 });
    expect(limiter.take("k", limit, NOW).remaining).toBe(4);
    expect(takeAll(limiter, "k", limit, NOW)).toBe(4);
    let allowed = 0;
    for (let ms = 1; ms <= 60_000; ms++) if (limiter.take("k", limit, NOW + ms).allowed) allowed++;
    expect(allowed).toBe(100);
  });

  test("keeps keys and limits apart", () => {
    const limiter = newLimiter();
    const other = new Limit("other", { max: 3, windowMs: 60_000 });
    expect(takeAll(limiter, "a", HUNDRED, NOW)).toBe(100);
    expect(takeAll(limiter, "a", other, NOW)).toBe(3);
    expect(takeAll(limiter, "b", HUNDRED, NOW)).toBe(100);
  });

  test("whose name is the same is the same: a reload forgets nobody", () => {
    const limiter = newLimiter();
    takeAll(limiter, "k", HUNDRED, NOW);
    expect(limiter.take("k", new Limit("hundred", { max: 100, windowMs: 60_000 }), NOW).allowed).toBe(false);
  });

  for (const [max, windowMs, burst] of [
    [3, 1000, 3],
    [7, 1000, 7],
    [300_000, 1000, 300_000],
    [7_000_000, 1000, 1_000_000],
    [5000, 1000, 1],
    [1, 86_400_000, 1],
  ] as const) {
    test(`of ${max} in ${windowMs} ms with a burst of ${burst} keeps its rate within 1 %`, () => {
      const limiter = new LocalLimiter(newTable(8), seededRandom(5));
      const limit = new Limit("rate", { max, windowMs, burst });
      const step = Math.max(1, Math.floor(windowMs / 1000));
      const lastsMs = Math.min(20 * windowMs, Math.floor((1_000_000 * windowMs) / max / step) * step);
      const due = (max * lastsMs) / windowMs;
      const first = takeAll(limiter, "k", limit, NOW);
      let later = 0;
      for (let ms = step; ms <= lastsMs; ms += step) later += takeAll(limiter, "k", limit, NOW + ms);
      // A burst shorter than the clock's step is as long as the step.
      expect(first).toBeGreaterThanOrEqual(burst * 0.99);
      expect(first).toBeLessThanOrEqual(Math.max(burst, max / windowMs + 1) * 1.01);
      expect(Math.abs(later - due)).toBeLessThanOrEqual(due * 0.01 + 1);
    });
  }

  test("decides as an arrival time kept in a plain map does", () => {
    const steps = fc.array(fc.record({ key: fc.nat(5), wait: fc.nat(400), which: fc.nat(2) }), { maxLength: 300 });
    const limits = [
      new Limit("x", { max: 10, windowMs: 1000 }),
      new Limit("y", { max: 4, windowMs: 2000, burst: 2 }),
      new Limit("z", { max: 1, windowMs: 100 }),
    ];
    fc.assert(
      fc.property(steps, (steps) => {
        const limiter = newLimiter();
        const times = new Map<string, number>();
        let now = NOW;
        for (const { key, wait, which } of steps) {
          now += wait;
          const limit = limits[which]!;
          const id = `${which} ${key}`;
          const arrival = Math.max(times.get(id) ?? 0, now);
          const interval = limit.windowMs / limit.max;
          const allowed = arrival - now <= Math.max(1, (limit.burst - 1) * interval);
          if (allowed) times.set(id, arrival + interval);
          const decision = limiter.take(`key ${key}`, limit, now);
          expect(decision.allowed).toBe(allowed);
          expect(decision.resetMs).toBeCloseTo(Math.max(0, (times.get(id) ?? 0) - now), 6);
          if (!allowed) expect(decision.retryAfterMs).toBeGreaterThan(0);
        }
      }),
    );
  });

  test("allows after exactly the wait it names", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 100_000 }), (max, windowMs) => {
        const limiter = newLimiter();
        const limit = new Limit("wait", { max, windowMs });
        takeAll(limiter, "k", limit, NOW);
        const wait = Math.ceil(limiter.take("k", limit, NOW).retryAfterMs);
        expect(limiter.take("k", limit, NOW + wait).allowed).toBe(true);
      }),
    );
  });

  test("that cannot be kept is refused with the reason", () => {
    const of = (spec: { max: number; windowMs: number; burst?: number }) => () => new Limit("web", spec);
    expect(of({ max: 0, windowMs: 1000 })).toThrow("limit web: max is 0");
    expect(of({ max: Number.NaN, windowMs: 1000 })).toThrow("max is NaN");
    expect(of({ max: 1, windowMs: 0 })).toThrow("the window is 0 ms");
    expect(of({ max: 1, windowMs: 1000, burst: 0 })).toThrow("burst is 0");
    expect(of({ max: 1, windowMs: 32 * 86_400_000 })).toThrow("use a shorter window");
  });
});

describe("a clock that steps back", () => {
  test("by little makes a used-up key wait no longer than that", () => {
    const limiter = newLimiter();
    takeAll(limiter, "k", HUNDRED, NOW);
    const { allowed, retryAfterMs } = limiter.take("k", HUNDRED, NOW - 3000);
    expect([allowed, retryAfterMs]).toEqual([false, 3600]);
  });

  test("by hours locks nobody out", () => {
    const limiter = newLimiter();
    takeAll(limiter, "k", HUNDRED, NOW);
    expect(takeAll(limiter, "k", HUNDRED, NOW - 3_600_000)).toBe(100);
    expect(limiter.take("fresh", HUNDRED, NOW - 3_600_000).remaining).toBe(99);
  });
});

test("years of silence and a clock that came round its 44 bits lock nobody out", () => {
  const limiter = newLimiter();
  takeAll(limiter, "k", HUNDRED, NOW);
  for (const days of [1, 31, 100, 102, 172, 203, 204, 1000, 5000]) {
    expect(limiter.take(`${days}`, HUNDRED, NOW + days * 86_400_000).remaining).toBe(99);
    expect(limiter.take("k", HUNDRED, NOW + days * 86_400_000).allowed).toBe(true);
  }
});
