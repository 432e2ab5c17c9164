import { describe, expect, test } from "bun:test";
import { quoted, rateLimit, rateLimitPolicy, retryAfterSeconds } from "../../src/proxy/limits/rate-limit-headers.ts";

describe("the RateLimit fields", () => {
  test("say policy, quota and window", () => {
    expect(rateLimitPolicy({ name: "default", max: 100, windowMs: 60_000 })).toBe('"default";q=100;w=60');
    expect(rateLimitPolicy({ name: "burst", max: 5, windowMs: 100 })).toBe('"burst";q=50;w=1');
    expect(rateLimitPolicy({ name: "odd", max: 100, windowMs: 1500 })).toBe('"odd";q=133;w=2');
    expect(rateLimitPolicy({ name: "rare", max: 0.5, windowMs: 1000 })).toBe('"rare";q=1;w=1');
  });

  test("say what is left and when all is back, in whole seconds", () => {
    expect(rateLimit('"default"', { remaining: 50, resetMs: 29_001 })).toBe('"default";r=50;t=30');
    expect(rateLimit('"default"', { remaining: 100, resetMs: 0 })).toBe('"default";r=100;t=0');
  });

  test("carry no name out of its quotes", () => {
    expect(rateLimit(quoted('a"\\b\r\nX: é'), { remaining: 0, resetMs: 1 })).toBe('"a\\"\\\\b??X: ?";r=0;t=1');
  });

  test("never ask for a retry that comes too early", () => {
    expect([0, 1, 1000, 1001, 59_999.5].map(retryAfterSeconds)).toEqual([1, 1, 1, 2, 60]);
  });
});
