import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { backOffMs, parseRetryAfter, retryDelayMs } from "../../src/proxy/upstream/health/back-off.ts";

const SETTINGS = { baseMs: 25, maxMs: 250, maxRetryAfterMs: 1_000 };
const most = () => 1 - Number.EPSILON;

describe("the back-off", () => {
  test("doubles its bound with each retry up to the most, and draws from all of it", () => {
    const bounds = [1, 2, 3, 4, 5, 6, 60, 5_000].map((retry) => Math.round(backOffMs(retry, SETTINGS, most)));
    expect(bounds).toEqual([25, 50, 100, 200, 250, 250, 250, 250]);
    expect(backOffMs(4, SETTINGS, () => 0)).toBe(0);
    expect(backOffMs(4, SETTINGS, () => 0.5)).toBe(100);
  });

  test("is never shorter than Retry-After asks, within reason", () => {
    expect(retryDelayMs(1, 500, SETTINGS, most)).toBe(500);
    expect(retryDelayMs(1, 5, SETTINGS, most)).toBeCloseTo(25);
    expect(retryDelayMs(1, 86_400_000, SETTINGS, most)).toBe(1_000);
    expect(retryDelayMs(1, null, SETTINGS, () => 0)).toBe(0);
  });
});

describe("Retry-After", () => {
  const now = Date.UTC(2026, 10, 21, 12, 0, 0);

  test("is seconds, or a date in any of the three forms", () => {
    expect(parseRetryAfter("120", now)).toBe(120_000);
    expect(parseRetryAfter(" 0 ", now)).toBe(0);
    expect(parseRetryAfter("Sat, 21 Nov 2026 12:00:30 GMT", now)).toBe(30_000);
    expect(parseRetryAfter("Saturday, 21-Nov-26 12:01:00 GMT", now)).toBe(60_000);
    expect(parseRetryAfter("Sat Nov 21 12:00:05 2026", now)).toBe(5_000);
    expect(parseRetryAfter("Tue Dec  1 12:00:00 2026", now)).toBe(10 * 86_400_000);
  });

  test("of a date that has passed is now; two digits of a year are of the century that fits", () => {
    expect(parseRetryAfter("Fri, 20 Nov 2026 12:00:00 GMT", now)).toBe(0);
    expect(parseRetryAfter("Sunday, 06-Nov-94 08:49:37 GMT", now)).toBe(0);
  });

  test("is nothing when it is anything else", () => {
    const wrong = ["", "soon", "-1", "1.5", "1e3", "0x10", "12 s", "99999999999", "2026-11-21T12:00:00Z"];
    const odd = ["Sat, 31 Feb 2026 12:00:00 GMT", "Sat, 21 Nov 2026 25:00:00 GMT", "Sat, 21 Nov 2026 12:00:30 CET"];
    for (const value of [...wrong, ...odd]) expect([value, parseRetryAfter(value, now)]).toEqual([value, null]);
  });

  test("reads back every date that a server may write", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 253_402_300_799 }), (seconds) => {
        expect(parseRetryAfter(new Date(seconds * 1000).toUTCString(), 0)).toBe(seconds * 1000);
      }),
    );
  });
});
