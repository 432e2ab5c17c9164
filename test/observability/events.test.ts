import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { eventually } from "../kit/eventually.ts";
import { freePort } from "../kit/free-port.ts";
import { ask } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { type Config, Sluice } from "../kit/sluice.ts";
import { childrenOf, placeOf } from "../workers/workers.ts";

type Line = Readonly<Record<string, unknown>>;

function linesOf(sluice: Sluice, message: string): Line[] {
  const lines = sluice.process.stdout
    .split("\n")
    .filter((line) => line.includes(`"msg":"${message}"`) && line.endsWith("}"));
  return lines.map((line) => JSON.parse(line) as Line);
}

function logged(sluice: Sluice, message: string, of: Line = {}): Promise<Line> {
  const isIt = (line: Line) => Object.entries(of).every(([key, value]) => line[key] === value);
  return eventually(`${message} in the log`, () => linesOf(sluice, message).find(isIt));
}

describe("what happens is told", () => {
  let origin: RawOrigin;
  let sluice: Sluice;
  let config: (port: number) => Config;

  beforeAll(async () => {
    origin = await RawOrigin.start();
    const gone = `http://127.0.0.1:${await freePort()}`;
    const breaker = { failureThreshold: 2, openDuration: "100ms", successThreshold: 1 };
    config = (port) => ({
      listeners: [{ name: "web", host: "127.0.0.1", port }],
      upstreams: [
        { name: "broken", url: origin.url, circuitBreaker: breaker, retries: 0 },
        { name: "checked", url: origin.url, health: { active: { path: "/check", interval: "30ms" } } },
        { name: "gone", url: gone, retries: 0 },
      ],
      routes: [
        { name: "broken", path: "/broken", upstream: "broken" },
        { name: "checked", path: "/checked", upstream: "checked" },
        { name: "gone", path: "/gone", upstream: "gone" },
        {
          name: "few",
          path: "/few",
          respond: { status: 204 },
          rateLimit: { by: "header:x-key", max: 1, window: "1h" },
        },
      ],
      logging: { level: "debug", access: "off" },
    });
    sluice = await Sluice.start(config);
  });

  beforeEach(() => {
    origin.behaviour = (request) => request.reply();
  });

  afterAll(async () => {
    await sluice.stop();
    await origin.stop();
  });

  test("a request that fails is request.error, the attempt before it upstream.failure", async () => {
    const reply = await ask(sluice.port, { target: "/gone" });
    expect(reply.status).toBe(502);
    const requestId = reply.header("x-request-id");
    const error = await logged(sluice, "request.error", { route: "gone" });
    expect(error).toMatchObject({
      level: "warn",
      status: 502,
      code: "upstream_connect_failed",
      upstream: "gone",
      requestId,
    });
    const failure = await logged(sluice, "upstream.failure", { upstream: "gone" });
    expect(failure).toMatchObject({ level: "warn", endpoint: error["endpoint"], code: "upstream_connect_failed" });
  });

  test("a breaker is told when it opens and when it closes", async () => {
    origin.behaviour = (request) => request.reset();
    for (let i = 0; i < 2; i++) await ask(sluice.port, { target: "/broken" });
    const opened = await logged(sluice, "circuit_breaker.opened", { upstream: "broken" });
    expect(opened["level"]).toBe("warn");
    expect(opened["reason"]).toBeString();
    origin.behaviour = (request) => request.reply();
    await eventually("a good reply", async () => (await ask(sluice.port, { target: "/broken" })).status === 200);
    expect((await logged(sluice, "circuit_breaker.closed", { upstream: "broken" }))["level"]).toBe("info");
  });

  test("an endpoint that checks find sick, and well again, is upstream.unhealthy and upstream.recovered", async () => {
    origin.behaviour = (request) => request.reply({ status: 503 });
    expect(await logged(sluice, "upstream.unhealthy", { upstream: "checked" })).toMatchObject({ level: "warn" });
    origin.behaviour = (request) => request.reply();
    const { reason } = await logged(sluice, "upstream.recovered", { upstream: "checked" });
    expect(String(reason)).toStartWith("HTTP 200");
  });

  test("a request over its limit is rate_limit.exceeded, without the key it was counted by", async () => {
    for (let i = 0; i < 2; i++) await ask(sluice.port, { target: "/few", fields: [["X-Key", "a-secret-of-theirs"]] });
    const line = await logged(sluice, "rate_limit.exceeded");
    expect(line).toMatchObject({ level: "debug", route: "few", by: "header:x-key", mode: "enforce" });
    expect(sluice.process.output).not.toContain("a-secret-of-theirs");
  });

  test("a reload is config.reloaded or config.rejected, with the mistakes", async () => {
    sluice.rewrite({ ...config(sluice.port), "x-note": 1, routes: [{ path: "/only", respond: {} }] });
    expect(await logged(sluice, "configuration reloaded")).toMatchObject({ level: "info", routes: 1, version: 2 });
    sluice.rewrite({ ...config(sluice.port), rootes: [] });
    await logged(sluice, "configuration rejected; the last good one keeps serving", { level: "error" });
    const mistake = sluice.process.stdout.split("\n").find((line) => line.includes("unknown key"));
    expect(JSON.parse(mistake!)).toMatchObject({ level: "error" });
    sluice.rewrite(config(sluice.port));
    await logged(sluice, "configuration reloaded", { routes: 4 });
  });

  test("a storm of failures is no storm of lines: what is left out is counted", async () => {
    const before = linesOf(sluice, "request.error").length;
    const began = performance.now();
    for (let round = 0; round < 20; round++)
      await Promise.all(Array.from({ length: 20 }, () => ask(sluice.port, { target: "/gone" })));
    const seconds = (performance.now() - began) / 1000;
    const left = await logged(sluice, "events left out", { of: "request.error" });
    const told = linesOf(sluice, "request.error").length - before;
    expect(told).toBeLessThanOrEqual(20 * (seconds + 2));
    expect(Number(left["count"])).toBeGreaterThan(0);
  });
});

test("a worker that dies and is replaced is worker.restarted, with how it ended", async () => {
  await using sluice = await Sluice.start({ workers: 2, routes: [{ path: "/*", respond: {} }] });
  const victim = childrenOf(sluice.pid).find((pid) => placeOf(pid) === 2)!;
  process.kill(victim, "SIGKILL");
  expect(await logged(sluice, "worker.restarted")).toMatchObject({ worker: 2, reason: "SIGKILL", level: "warn" });
  expect(linesOf(sluice, "worker.restarted")).toHaveLength(1);
}, 30_000);
