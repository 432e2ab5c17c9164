import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  healthView,
  type HealthSignals,
  type Standing,
  standingOf,
} from "../../src/proxy/upstream/health/health-state.ts";
import { OutlierRecord } from "../../src/proxy/upstream/health/outlier-record.ts";
import { usableOf } from "../../src/proxy/upstream/health/panic.ts";
import { slowStartFactor } from "../../src/proxy/upstream/health/slow-start.ts";
import { breakerOf, fail } from "./breakers.ts";

const FINE: HealthSignals = { draining: false, weight: 1, active: null, outlier: null, breaker: null };
const NOW = 1_000_000;

function ejected(): OutlierRecord {
  const record = new OutlierRecord("e");
  record.until = NOW + 12_000;
  record.reason = "ejected for 30 s: 5 consecutive gateway errors";
  return record;
}

function openBreaker() {
  const { breaker } = breakerOf();
  fail(breaker, 5, NOW);
  return breaker;
}

describe("an endpoint", () => {
  test("of which nothing is known is available, and says that it is not known", () => {
    expect(healthView(FINE, NOW)).toEqual({
      standing: "available",
      reasons: [{ by: "active", isGood: true, text: "unknown, no check has ended yet: counts as available" }],
    });
  });

  test("that checks or traffic speak against is suspect; one that an operator or breaker bars is barred", () => {
    const sick = { healthy: false, reason: "HTTP 503, expected 200-399", at: 0 };
    const cases: Array<[Partial<HealthSignals>, Standing]> = [
      [{ active: "off" }, "available"],
      [{ active: { healthy: true, reason: "HTTP 200", at: 0 } }, "available"],
      [{ active: sick }, "suspect"],
      [{ outlier: ejected() }, "suspect"],
      [{ draining: true }, "barred"],
      [{ weight: 0 }, "barred"],
      [{ breaker: openBreaker() }, "barred"],
      [{ active: sick, draining: true }, "barred"],
    ];
    for (const [signals, standing] of cases) expect(standingOf({ ...FINE, ...signals }, NOW)).toBe(standing);
    expect(standingOf({ ...FINE, breaker: openBreaker() }, NOW + 30_000)).toBe("available");
  });

  test("shows the reason of each verdict", () => {
    const active = { healthy: false, reason: "connection refused (3 times in a row)", at: 0 };
    const view = healthView({ draining: true, weight: 0, active, outlier: ejected(), breaker: openBreaker() }, NOW);
    expect(view.standing).toBe("barred");
    expect(view.reasons).toEqual([
      { by: "operator", isGood: false, text: "draining" },
      { by: "operator", isGood: false, text: "weight 0" },
      { by: "active", isGood: false, text: "connection refused (3 times in a row)" },
      { by: "passive", isGood: false, text: "ejected for 30 s: 5 consecutive gateway errors (12 s left)" },
      { by: "breaker", isGood: false, text: "open for 30 s more: 5 failures in a row" },
    ]);
  });
});

describe("panic", () => {
  const usable = (standings: Standing[], panicBelow: number | null) => usableOf(standings, (s) => s, panicBelow);

  test("uses suspects when too few are available, but never the barred", () => {
    const three: Standing[] = ["available", "suspect", "suspect", "barred"];
    expect(usable(three, 0.3)).toEqual({ members: ["available"], isPanicking: false });
    expect(usable(three, 0.5)).toEqual({ members: ["available", "suspect", "suspect"], isPanicking: true });
    expect(usable(["suspect", "barred"], 0.01)).toEqual({ members: ["suspect"], isPanicking: true });
    expect(usable(["suspect", "suspect"], null)).toEqual({ members: [], isPanicking: false });
    expect(usable(["barred"], 1)).toEqual({ members: [], isPanicking: false });
  });
});

describe("slow start", () => {
  const settings = { windowMs: 30_000, from: 0.1, aggression: 1 };

  test("grows with the time from its first share to the whole", () => {
    const factors = [-5, 0, 3_000, 15_000, 29_999, 30_000].map((ms) => slowStartFactor(ms, settings));
    expect(factors).toEqual([0.1, 0.1, 0.1, 0.5, 0.99, 1]);
    expect(slowStartFactor(0, { ...settings, windowMs: 0 })).toBe(1);
    expect(slowStartFactor(Number.POSITIVE_INFINITY, settings)).toBe(1);
  });

  test("is faster at first when it is aggressive, and slower when it is not", () => {
    expect(slowStartFactor(7_500, { ...settings, aggression: 2 })).toBe(0.5);
    expect(slowStartFactor(15_000, { ...settings, aggression: 0.5 })).toBe(0.25);
  });

  test("never falls and stays within its bounds", () => {
    const some = fc.record({
      windowMs: fc.integer({ min: 1, max: 90_000 }),
      from: fc.constantFrom(0.01, 0.1, 1),
      aggression: fc.constantFrom(0.5, 1, 1.5, 3),
    });
    fc.assert(
      fc.property(some, fc.nat(100_000), fc.nat(100_000), (s, a, b) => {
        const early = slowStartFactor(Math.min(a, b), s);
        const late = slowStartFactor(Math.max(a, b), s);
        expect(early).toBeGreaterThanOrEqual(s.from);
        expect(late).toBeLessThanOrEqual(1);
        expect(late).toBeGreaterThanOrEqual(early);
      }),
    );
  });
});
