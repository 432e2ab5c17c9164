import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Limit } from "../../src/proxy/limits/gcra.ts";
import { eventually } from "../kit/eventually.ts";
import { freePort } from "../kit/free-port.ts";
import { describeWithRedis, RedisServer } from "../kit/redis-server.ts";
import { Hammers } from "./hammers.ts";
import { RedisRig } from "./redis-rig.ts";

setDefaultTimeout(60_000);

// Long enough that nothing is refilled while a test runs.
const limitOf = (name: string, max = 20) => new Limit(name, { max, windowMs: 100 * 3_600_000 });
const allowedOf = (decisions: ReadonlyArray<{ allowed: boolean }>) => decisions.filter((d) => d.allowed).length;

describeWithRedis("a limit in Redis", () => {
  let server: RedisServer;
  const rigs: RedisRig[] = [];

  const rigOf = async (options: { deadlineMs?: number } = {}) => {
    const rig = new RedisRig(server.url, { deadlineMs: 2000, ...options });
    rigs.push(rig);
    await eventually("redis decides", () => rig.limiter.backend === "redis");
    return rig;
  };

  beforeAll(async () => {
    server = await RedisServer.start();
  });
  beforeEach(async () => {
    await server.command("FLUSHALL");
  });
  afterEach(() => {
    for (const rig of rigs.splice(0)) rig.limiter.close();
  });
  afterAll(() => server.stop());

  test("is shared by machines, and counted in order", async () => {
    const [one, two] = [await rigOf(), await rigOf()];
    const limit = limitOf("shared");
    expect(allowedOf(await one.takeMany("k", limit, 15))).toBe(15);
    const decisions = await two.takeMany("k", limit, 15);
    expect(decisions.map((d) => d.remaining).slice(0, 5)).toEqual([4, 3, 2, 1, 0]);
    expect(allowedOf(decisions)).toBe(5);
    expect(decisions.at(-1)!.retryAfterMs).toBeWithin(1, limit.windowMs / 20 + 1);
    expect(allowedOf(await two.takeMany("other", limit, 30))).toBe(20);
    expect([one.events, two.events]).toEqual([[], []]);
  });

  test("is refilled by the clock of Redis", async () => {
    const rig = await rigOf();
    const limit = new Limit("quick", { max: 5, windowMs: 500 });
    await rig.takeMany("k", limit, 5);
    const again = await eventually("one is back", async () => {
      const decision = await rig.take("k", limit);
      return decision.allowed ? decision : null;
    });
    expect(again.remaining).toBeLessThan(5);
  });

  test("keeps keys short, prefixed and not for ever", async () => {
    const rig = await rigOf();
    const limit = new Limit("tidy", { max: 5, windowMs: 60_000 });
    await rig.take("10.0.0.1", limit);
    await rig.take("x".repeat(1_000_000), limit);
    await rig.take("ключ \r\n\0", limit);
    const keys = (await server.command("KEYS *")).split("\r\n").filter((line) => line.startsWith("sluice:"));
    expect(keys).toContain("sluice:limit:tidy:10.0.0.1");
    for (const key of keys) expect(key.length).toBeLessThan(100);
    const left = Number((await server.command("PTTL sluice:limit:tidy:10.0.0.1")).slice(1));
    expect(left).toBeWithin(1, 12_010);
  });

  test("survives a flush of the scripts without a word", async () => {
    const rig = await rigOf();
    await rig.take("k", limitOf("flushed"));
    await server.command("SCRIPT FLUSH");
    expect(allowedOf(await rig.takeMany("k", limitOf("flushed"), 25))).toBe(19);
    expect(rig.events).toEqual([]);
  });

  test("decides what one turn asked for in one write", async () => {
    const rig = await rigOf();
    const commands = async () => /cmdstat_evalsha:calls=(\d+)/.exec(await server.command("INFO commandstats"))?.[1];
    const reads = async () => Number(/total_reads_processed:(\d+)/.exec(await server.command("INFO stats"))![1]);
    const [callsBefore, before] = [Number(await commands()), await reads()];
    await rig.takeMany("k", limitOf("batched"), 100);
    expect(Number(await commands()) - callsBefore).toBe(100);
    expect((await reads()) - before).toBeLessThan(10);
  });

  test("of four processes is exact", async () => {
    const one = [server.url, 3000, 2000];
    const hammers = await Hammers.start([one, one, one, one], "redis-hammer.ts");
    hammers.begin();
    const results = await hammers.results<{ allowed: number; fallbacks: number }>();
    expect(results.map(({ fallbacks }) => fallbacks)).toEqual([0, 0, 0, 0]);
    expect(results.reduce((sum, { allowed }) => sum + allowed, 0)).toBe(3000);
  });

  test("falls back when Redis refuses to write, with its words", async () => {
    const rig = await rigOf();
    await server.command("CONFIG SET maxmemory 1");
    try {
      expect(allowedOf(await rig.takeMany("k", limitOf("full"), 25))).toBe(20);
      expect(rig.events.join()).toContain("fallback: OOM");
    } finally {
      await server.command("CONFIG SET maxmemory 0");
    }
    await eventually("redis decides again", () => rig.events.at(-1) === "recovered");
    expect(rig.events.length).toBe(2);
  });
});

describeWithRedis("when Redis goes away", () => {
  let server: RedisServer;
  let rig: RedisRig;

  const start = async (deadlineMs: number) => {
    server = await RedisServer.start();
    rig = new RedisRig(server.url, { deadlineMs });
    await eventually("redis decides", () => rig.limiter.backend === "redis");
  };
  afterEach(async () => {
    rig.limiter.close();
    await server.stop();
  });

  test("killed under load, every request is decided, it is said once, and Redis is found again", async () => {
    await start(2000);
    let failed = 0;
    let decided = 0;
    const load = new AbortController();
    const client = async (name: string) => {
      while (!load.signal.aborted) {
        await rig.take(name, limitOf("load", 1e6)).then(
          () => decided++,
          () => failed++,
        );
        await Bun.sleep(0);
      }
    };
    const clients = Array.from({ length: 20 }, (_, i) => client(`client ${i}`));
    await eventually("load", () => decided > 200);
    await server.kill();
    await eventually("it is said", () => rig.events.length > 0);
    const at = decided;
    await eventually("decisions go on", () => decided > at + 1000);
    expect(rig.limiter.backend).toBe("local");
    expect(rig.events.length).toBe(1);
    expect(rig.events[0]).toStartWith("fallback: ");
    await server.start();
    await eventually("redis decides again", () => rig.events.length === 2);
    load.abort();
    await Promise.all(clients);
    expect(rig.events[1]).toBe("recovered");
    expect(failed).toBe(0);
  });

  test("an outage hands out no second burst", async () => {
    await start(2000);
    const limit = limitOf("once");
    expect(allowedOf(await rig.takeMany("k", limit, 15))).toBe(15);
    await server.kill();
    await eventually("it is said", () => rig.events.length > 0);
    expect(allowedOf(await rig.takeMany("k", limit, 30))).toBe(5);
  });

  test("its return hands out no second burst either", async () => {
    await start(2000);
    const limit = limitOf("returned");
    await server.kill();
    await eventually("it is said", () => rig.events.length > 0);
    expect(allowedOf(await rig.takeMany("k", limit, 15))).toBe(15);
    await server.start();
    await eventually("redis decides again", () => rig.limiter.backend === "redis");
    const decisions = await rig.takeMany("k", limit, 30);
    expect(allowedOf(decisions)).toBe(5);
    expect(decisions.at(-1)!.retryAfterMs).toBeWithin(1, limit.windowMs / 20 + 1);
  });

  test("hanging, requests wait for the deadline once and then not at all", async () => {
    await start(50);
    server.freeze();
    const decisions = await rig.takeMany("k", limitOf("hung"), 30);
    expect(allowedOf(decisions)).toBe(20);
    expect(rig.events).toEqual(["fallback: no answer within 50 ms"]);
    let isDecided = false;
    rig.limiter.take("k", limitOf("hung"), () => (isDecided = true));
    expect(isDecided).toBe(true);
    server.thaw();
    await eventually("redis decides again", () => rig.limiter.backend === "redis");
    expect(rig.events.at(-1)).toBe("recovered");
  });

  test("closed in the middle, what waits is decided locally and nothing is said", async () => {
    await start(200);
    server.freeze();
    const waiting = rig.takeMany("k", limitOf("closed"), 5);
    await Bun.sleep(0);
    rig.limiter.close();
    expect(allowedOf(await waiting)).toBe(5);
    expect(rig.events).toEqual([]);
  });
});

describeWithRedis("a Redis that is not for us", () => {
  test("is left alone, with its words and without our password", async () => {
    const server = await RedisServer.start({ password: "right" });
    const wrong = new RedisRig(server.url.replace("right", "wr0ng-secret"));
    const none = new RedisRig(server.url.replace(":right@", ""));
    const right = new RedisRig(server.url);
    try {
      await eventually("both say it", () => wrong.events.length > 0 && none.events.length > 0);
      expect(wrong.events[0]).toContain("WRONGPASS");
      expect(none.events[0]).toContain("NOAUTH");
      expect(wrong.events.join()).not.toContain("wr0ng-secret");
      expect(allowedOf(await wrong.takeMany("k", limitOf("auth"), 30))).toBe(20);
      await eventually("the right one is let in", () => right.limiter.backend === "redis");
    } finally {
      for (const rig of [wrong, none, right]) rig.limiter.close();
      await server.stop();
    }
  });

  test("because it never says a word is left alone too", async () => {
    const mute = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
    const rig = new RedisRig(`redis://127.0.0.1:${mute.port}`);
    try {
      await eventually("it is said", () => rig.events.length > 0);
      expect(rig.events).toEqual(["fallback: not ready within 2000 ms"]);
    } finally {
      rig.limiter.close();
      mute.stop(true);
    }
  });
});

describe("without a Redis from the start", () => {
  test("limits hold on this machine, which is said with the reason", async () => {
    const rig = new RedisRig(`redis://127.0.0.1:${await freePort()}`);
    try {
      expect(allowedOf(await rig.takeMany("k", limitOf("alone"), 30))).toBe(20);
      await eventually("it is said", () => rig.events.length > 0);
      expect(rig.events.join()).toContain("ECONNREFUSED");
    } finally {
      rig.limiter.close();
    }
  });
});
