import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type Ejection,
  OutlierDetector,
  type OutlierSettings,
} from "../../src/proxy/upstream/health/outlier-detector.ts";
import { Outcome, type OutlierRecord } from "../../src/proxy/upstream/health/outlier-record.ts";

const SETTINGS: OutlierSettings = {
  consecutive5xx: 5,
  consecutiveGatewayErrors: 3,
  failureRatio: null,
  minimumRequests: 10,
  intervalMs: 10_000,
  slow: null,
  ejectMs: 30_000,
  maxEjectMs: 300_000,
  maxEjected: 0.5,
};

function detectorOf(endpoints: number, settings: Partial<OutlierSettings> = {}) {
  const told: Ejection[] = [];
  const detector = new OutlierDetector({ ...SETTINGS, ...settings }, (ejection) => told.push(ejection));
  const records = Array.from({ length: endpoints }, (_, i) => detector.track(`e${i}`));
  const repeat = (times: number, record: OutlierRecord, outcome: 0 | 1 | 2, ms = 5, now = 0) => {
    for (let i = 0; i < times; i++) detector.observe(record, outcome, ms, now);
  };
  return { detector, records, told, repeat };
}

describe("ejection", () => {
  test("comes with the configured number of consecutive gateway errors, with its reason", () => {
    const { records, told, repeat } = detectorOf(3);
    repeat(2, records[0]!, Outcome.gatewayError);
    repeat(1, records[0]!, Outcome.ok);
    repeat(2, records[0]!, Outcome.gatewayError);
    expect(told).toEqual([]);
    repeat(1, records[0]!, Outcome.gatewayError);
    expect(told).toEqual([
      { endpoint: "e0", isEjected: true, forMs: 30_000, reason: "ejected for 30 s: 3 consecutive gateway errors" },
    ]);
  });

  test("counts a plain 500 for the 5xx row and not for the gateway row", () => {
    const { records, told, repeat } = detectorOf(3);
    repeat(2, records[0]!, Outcome.gatewayError);
    repeat(1, records[0]!, Outcome.serverError);
    repeat(1, records[0]!, Outcome.gatewayError);
    expect(records[0]!.isEjected).toBe(false);
    repeat(1, records[0]!, Outcome.serverError);
    expect(told[0]?.reason).toBe("ejected for 30 s: 5 consecutive failures (5xx or no reply)");
  });

  test("ends by itself, and the endpoint begins with a clean record", () => {
    const { detector, records, told, repeat } = detectorOf(3);
    repeat(3, records[0]!, Outcome.gatewayError, 5, 1_000);
    // Late outcomes of what was under way change nothing.
    repeat(9, records[0]!, Outcome.gatewayError, 5, 1_500);
    detector.tick(30_999);
    expect(records[0]!.isEjected).toBe(true);
    detector.tick(31_000);
    expect(records[0]!.isEjected).toBe(false);
    expect(records[0]!.returnedAt).toBe(31_000);
    expect(told.map((ejection) => ejection.isEjected)).toEqual([true, false]);
    repeat(2, records[0]!, Outcome.gatewayError, 5, 31_001);
    expect(records[0]!.isEjected).toBe(false);
  });

  test("lasts longer each time, up to the most, and shorter again after healthy intervals", () => {
    const { detector, records, told, repeat } = detectorOf(3, { maxEjectMs: 70_000 });
    let now = 0;
    const lapse = (ms: number, stepMs = 1_000) => {
      for (const end = now + ms; now < end; now += stepMs) detector.tick(now);
    };
    const ejectAgain = () => {
      repeat(3, records[0]!, Outcome.gatewayError, 5, now);
      const { forMs } = told.at(-1)!;
      lapse(forMs + 1_000);
      return forMs;
    };
    detector.tick(now);
    expect([ejectAgain(), ejectAgain(), ejectAgain()].map((ms) => ms >= 30_000)).toEqual([true, true, true]);
    expect(told.filter((e) => e.isEjected).map((e) => e.forMs)).toEqual([30_000, 60_000, 70_000]);
    lapse(60_000);
    expect(ejectAgain()).toBe(30_000);
  });

  test("stops at the cap, and says so", () => {
    const { detector, records, repeat } = detectorOf(4);
    for (const record of records) repeat(3, record, Outcome.gatewayError);
    expect(records.map((record) => record.isEjected)).toEqual([true, true, false, false]);
    expect(records[2]!.reason).toBe("would be ejected (3 consecutive gateway errors), but 2 of 4 are out already");
    // There is room again when one returns.
    detector.tick(30_000);
    repeat(1, records[2]!, Outcome.gatewayError, 5, 30_001);
    expect(records[2]!.isEjected).toBe(true);
  });

  test("never takes the only endpoint, and always may take one of two", () => {
    const alone = detectorOf(1);
    alone.repeat(50, alone.records[0]!, Outcome.gatewayError);
    expect(alone.told).toEqual([]);
    const pair = detectorOf(2, { maxEjected: 0.1 });
    pair.repeat(50, pair.records[0]!, Outcome.gatewayError);
    pair.repeat(50, pair.records[1]!, Outcome.gatewayError);
    expect(pair.told.length).toBe(1);
  });

  test("of an endpoint that has left frees its place under the cap", () => {
    const { detector, records, repeat } = detectorOf(3);
    repeat(3, records[0]!, Outcome.gatewayError);
    detector.keepOnly(new Set(["e1", "e2"]));
    expect(detector.ejected).toBe(0);
    repeat(3, records[1]!, Outcome.gatewayError);
    expect(records[1]!.isEjected).toBe(true);
    expect(detector.track("e1")).toBe(records[1]!);
  });
});

describe("the share of failures", () => {
  const settings = { consecutive5xx: null, consecutiveGatewayErrors: null, failureRatio: 0.5 };

  test("is judged when the interval is over, given enough requests", () => {
    const { detector, records, told, repeat } = detectorOf(3, settings);
    detector.tick(0);
    repeat(6, records[0]!, Outcome.serverError);
    repeat(6, records[0]!, Outcome.ok);
    repeat(9, records[1]!, Outcome.serverError);
    detector.tick(9_999);
    expect(told).toEqual([]);
    detector.tick(10_000);
    expect(told.map((e) => e.reason)).toEqual(["ejected for 30 s: 6 of 12 requests failed"]);
  });

  test("begins anew with each interval", () => {
    const { detector, records, told, repeat } = detectorOf(3, settings);
    for (let now = 0; now <= 50_000; now += 10_000) {
      detector.tick(now);
      repeat(9, records[0]!, Outcome.serverError, 5, now);
    }
    expect(told).toEqual([]);
  });
});

describe("latency", () => {
  const settings = { slow: { factor: 5, atLeastMs: 20, minimumRequests: 20 } };

  test("far above the others' median ejects, at the next tick", () => {
    const { detector, records, told, repeat } = detectorOf(3, settings);
    repeat(30, records[0]!, Outcome.ok, 2);
    repeat(30, records[1]!, Outcome.ok, 3);
    repeat(30, records[2]!, Outcome.ok, 200);
    detector.tick(0);
    expect(told.map((e) => e.reason)).toEqual(["ejected for 30 s: 200 ms on average, the others' median is 2 ms"]);
  });

  test("of an endpoint that gets a hundred times slower ejects within thirty replies", () => {
    const { detector, records, repeat } = detectorOf(3, settings);
    for (const record of records) repeat(10_000, record, Outcome.ok, 1);
    repeat(30, records[1]!, Outcome.ok, 100);
    detector.tick(0);
    expect(records.map((record) => record.isEjected)).toEqual([false, true, false]);
  });

  test("of a single slow reply among many ejects nobody", () => {
    const { detector, records, told, repeat } = detectorOf(3, settings);
    for (const record of records) repeat(100, record, Outcome.ok, 10);
    repeat(1, records[0]!, Outcome.ok, 60_000);
    detector.tick(0);
    expect(told).toEqual([]);
  });

  test("is not compared before there are enough replies, nor where the difference is small", () => {
    const { detector, records, told, repeat } = detectorOf(3, settings);
    repeat(30, records[0]!, Outcome.ok, 0.1);
    repeat(30, records[1]!, Outcome.ok, 15);
    repeat(19, records[2]!, Outcome.ok, 500);
    detector.tick(0);
    expect(told).toEqual([]);
  });

  test("makes room for one that fails, where no more may be out", () => {
    const { detector, records, told, repeat } = detectorOf(3, settings);
    for (const [i, record] of records.entries()) repeat(30, record, Outcome.ok, i === 0 ? 200 : 2);
    detector.tick(0);
    repeat(3, records[1]!, Outcome.gatewayError);
    repeat(3, records[2]!, Outcome.gatewayError);
    expect(told.map(({ endpoint, isEjected }) => [endpoint, isEjected])).toEqual([
      ["e0", true],
      ["e0", false],
      ["e1", true],
    ]);
  });

  test("of failures does not count: a refusal is quick", () => {
    const { detector, records, told, repeat } = detectorOf(2, { ...settings, consecutiveGatewayErrors: null });
    repeat(30, records[0]!, Outcome.ok, 50);
    for (let i = 0; i < 60; i++) repeat(1, records[1]!, i % 2 === 0 ? Outcome.serverError : Outcome.ok, 50 * (i % 2));
    detector.tick(0);
    expect(told).toEqual([]);
  });
});

test("whatever happens, no more than the cap are out, and the count of them is right", () => {
  let ejections = 0;
  const step = fc.record({
    endpoint: fc.nat(5),
    outcome: fc.constantFrom(0 as const, 1 as const, 2 as const, 2 as const),
    ms: fc.constantFrom(1, 5, 500),
    wait: fc.constantFrom(0, 0, 10, 1_000, 20_000),
  });
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 50, maxLength: 300 }),
      fc.constantFrom(0, 0.3, 0.5, 1),
      fc.integer({ min: 1, max: 6 }),
      (steps, maxEjected, endpoints) => {
        const settings = { maxEjected, failureRatio: 0.6, slow: { factor: 3, atLeastMs: 1, minimumRequests: 3 } };
        const { detector, records, told } = detectorOf(endpoints, settings);
        const mayBeOut = endpoints < 2 || maxEjected === 0 ? 0 : Math.max(1, Math.floor(endpoints * maxEjected));
        let now = 0;
        for (const { endpoint, outcome, ms, wait } of steps) {
          if (wait > 0) detector.tick((now += wait));
          detector.observe(records[endpoint % endpoints]!, outcome, ms, now);
          const out = records.filter((record) => record.isEjected);
          expect(detector.ejected).toBe(out.length);
          expect(out.length).toBeLessThanOrEqual(mayBeOut);
          for (const record of out) expect(record.until - now).toBeLessThanOrEqual(SETTINGS.maxEjectMs);
        }
        ejections += told.length;
      },
    ),
    { numRuns: 150 },
  );
  expect(ejections).toBeGreaterThan(100);
});
