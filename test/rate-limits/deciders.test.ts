import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { ProxyEvent } from "../../src/model/ports.ts";
import { Limit } from "../../src/proxy/limits/gcra.ts";
import { createRateDeciders } from "../../src/rate-limit-redis/create-deciders.ts";
import { eventually } from "../kit/eventually.ts";
import { freePort } from "../kit/free-port.ts";
import { describeWithRedis, RedisServer } from "../kit/redis-server.ts";
import { newLimiter, NOW } from "../limits/tables.ts";

setDefaultTimeout(60_000);

const limit = new Limit("deciders", { max: 3, windowMs: 100 * 3_600_000 });
const closing: Array<() => unknown> = [];

function newDeciders() {
  const events: ProxyEvent[] = [];
  const shared = { rates: newLimiter() };
  const deciders = createRateDeciders({ shared, clock: { wall: () => NOW }, event: (event) => events.push(event) });
  closing.push(() => deciders.close());
  return { deciders, events };
}

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

describe("who decides in a process", () => {
  test("is its table where counts are kept on the machine, with the clock it was given", () => {
    const { deciders } = newDeciders();
    const decisions = [1, 2, 3, 4].map(() => deciders.local.take("k", limit).allowed);
    expect(decisions).toEqual([true, true, true, false]);
  });

  test("is the table too while there is no Redis: said once, with where and why and without the password", async () => {
    const { deciders, events } = newDeciders();
    const port = await freePort();
    const redis = deciders.redis({ url: `redis://user:s3cr3t@127.0.0.1:${port}`, timeoutMs: 250 });
    await eventually("it is said", () => events.length > 0);
    let allowed = 0;
    for (let i = 0; i < 10; i++) redis.take("k", limit, (decision) => (allowed += decision.allowed ? 1 : 0));
    expect(allowed).toBe(3);
    expect(deciders.local.take("k", limit).allowed).toBe(false);
    const reason = `redis 127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}`;
    expect(events).toEqual([{ type: "rate_limit.fallback", reason }]);
  });
});

describeWithRedis("a Redis that versions share", () => {
  const connections = async (server: RedisServer) =>
    Number(/connected_clients:(\d+)/.exec(await server.command("INFO clients"))![1]) - 1;
  const started = async () => {
    const server = await RedisServer.start();
    closing.push(() => server.stop());
    return server;
  };

  test("has one connection however many use it, until the last of them lets go", async () => {
    const server = await started();
    const { deciders, events } = newDeciders();
    const [one, two] = [
      deciders.redis({ url: server.url, timeoutMs: 250 }),
      deciders.redis({ url: server.url, timeoutMs: 250 }),
    ];
    await eventually("connected", async () => (await connections(server)) === 1);
    one.release();
    one.release();
    expect(await connections(server)).toBe(1);
    two.release();
    await eventually("let go", async () => (await connections(server)) === 0);
    deciders.redis({ url: server.url, timeoutMs: 250 });
    await eventually("connected again", async () => (await connections(server)) === 1);
    expect(events).toEqual([]);
  });

  test("that goes and comes back is spoken of once each time", async () => {
    const server = await started();
    const { deciders, events } = newDeciders();
    const redis = deciders.redis({ url: server.url, timeoutMs: 250 });
    const written = async () => {
      redis.take("k", limit, () => undefined);
      return (await server.command("KEYS sluice:limit:deciders:*")).startsWith("*1");
    };
    await eventually("redis decides", written);
    await server.kill();
    await eventually("it is said", () => events.length === 1);
    await server.start();
    await eventually("it is taken back", () => events.length === 2);
    const where = `redis 127.0.0.1:${server.port}`;
    expect(events[0]).toMatchObject({ type: "rate_limit.fallback", reason: expect.stringContaining(`${where}: `) });
    expect(events[1]).toEqual({ type: "rate_limit.recovered", reason: `${where} decides again` });
  });

  test("is let go of when everything is closed, and what is asked then is decided here", async () => {
    const server = await started();
    const { deciders } = newDeciders();
    const redis = deciders.redis({ url: server.url, timeoutMs: 250 });
    await eventually("connected", async () => (await connections(server)) === 1);
    deciders.close();
    await eventually("let go", async () => (await connections(server)) === 0);
    let isAllowed = false;
    redis.take("k", limit, (decision) => (isAllowed = decision.allowed));
    expect(isAllowed).toBe(true);
  });
});
