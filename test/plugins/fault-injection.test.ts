import { describe, expect, test } from "bun:test";
import { testPlugin } from "sluice/testing";
import faultInjection from "../../plugins/fault-injection.ts";
import { pageExample } from "./page-example.ts";

const start = (config: object) => testPlugin(faultInjection, { config });

describe("a fault", () => {
  test("refuses with the status it was given", async () => {
    await using t = await start({ abort: { status: 418 } });
    const reply = await t.request("/");
    expect(reply.status).toBe(418);
    expect(await reply.json()).toMatchObject({ code: "plugin:fault_injected" });
    expect(t.upstream.requests).toEqual([]);
    expect(t.metrics).toEqual({ 'faults_total{kind="abort"}': 1 });
  });

  test("delays, and then the request goes on", async () => {
    await using t = await start({ delay: { min: 1, max: 3 } });
    expect((await t.request("/")).status).toBe(200);
    expect(t.upstream.requests.length).toBe(1);
    expect(t.metrics).toEqual({ 'faults_total{kind="delay"}': 1 });
  });

  test("delays before it refuses", async () => {
    await using t = await start({ delay: { fixed: 1 }, abort: {} });
    expect((await t.request("/")).status).toBe(503);
    expect(t.metrics).toEqual({ 'faults_total{kind="delay"}': 1, 'faults_total{kind="abort"}': 1 });
  });

  test("at 0 percent happens to nobody, and without configuration neither", async () => {
    for (const config of [{ abort: { percent: 0 }, delay: { fixed: 1, percent: 0 } }, {}]) {
      await using t = await start(config);
      for (let i = 0; i < 20; i++) expect((await t.request("/")).status).toBe(200);
      expect(t.metrics).toEqual({});
    }
  });

  test("at a half happens to some", async () => {
    await using t = await start({ abort: { percent: 50 } });
    for (let i = 0; i < 200; i++) await t.request("/");
    expect(t.upstream.requests.length).toBeGreaterThan(40);
    expect(t.upstream.requests.length).toBeLessThan(160);
  });
});

describe("what a request asks for", () => {
  test("happens to it where that is allowed, and the headers stay here", async () => {
    await using t = await start({ fromHeaders: true });
    expect((await t.request("/", { headers: { "x-fault-abort": "504" } })).status).toBe(504);
    expect((await t.request("/", { headers: { "x-fault-delay": "1" } })).status).toBe(200);
    expect([...t.upstream.requests[0]!.headers.keys()]).not.toContain("x-fault-delay");
  });

  test("is more than the configuration: no delay is an answer too", async () => {
    await using t = await start({ fromHeaders: true, delay: { fixed: 60_000 } });
    expect((await t.request("/", { headers: { "x-fault-delay": "0" } })).status).toBe(200);
  });

  test("is nothing where it makes no sense", async () => {
    await using t = await start({ fromHeaders: true });
    for (const value of ["200", "399", "600", "-503", "503, 504", "5e2", "abc", "", "99999999999"])
      expect((await t.request("/", { headers: { "x-fault-abort": value } })).status, value).toBe(200);
  });

  test("is ignored, and forwarded, where it is not allowed", async () => {
    await using t = await start({});
    expect((await t.request("/", { headers: { "x-fault-abort": "503" } })).status).toBe(200);
    expect(t.upstream.requests[0]!.headers.get("x-fault-abort")).toBe("503");
  });
});

test("beyond maxActive requests go on at once", async () => {
  await using t = await start({ delay: { fixed: 20 }, maxActive: 1 });
  await Promise.all([t.request("/a"), t.request("/b"), t.request("/c")]);
  expect(t.metrics).toEqual({ 'faults_total{kind="delay"}': 1, 'faults_total{kind="overflow"}': 2 });
});

test("a configuration that means nothing is refused with what to do", async () => {
  await expect(start({ delay: {} })).rejects.toThrow("delay needs `fixed`, or `min` and `max`");
  await expect(start({ delay: { fixed: 1, min: 1 } })).rejects.toThrow("not both");
  await expect(start({ delay: { min: 5, max: 1 } })).rejects.toThrow("delay.min must not be more than delay.max");
  await expect(start({ delay: { fixed: "2m" } })).rejects.toThrow("a delay may take 60s at most, not 120s");
  await expect(start({ abort: { status: 200 } })).rejects.toThrow("abort.status");
});

test("the page's example delays half, and fails on request", async () => {
  await using t = await testPlugin(faultInjection, { config: pageExample("fault-injection") });
  const statuses = new Set<number>();
  for (let i = 0; i < 20; i++) statuses.add((await t.request("/")).status);
  expect([...statuses].filter((status) => status !== 200 && status !== 503)).toEqual([]);
  expect((await t.request("/", { headers: { "x-fault-abort": "500" } })).status).toBe(500);
});
