import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "../kit/eventually.ts";
import { describeWithRedis, RedisServer } from "../kit/redis-server.ts";
import { type Config, Sluice } from "../kit/sluice.ts";
import { Clients, logged, LONG } from "./clients.ts";

setDefaultTimeout(60_000);

/** With patience: how late a decision may be on a machine that is busy with tests is not the question here. */
const machine = (redis: RedisServer, workers: number, max: number): Config => ({
  workers,
  redis: { url: redis.url },
  rateLimit: { backend: "redis", redis: { timeout: "5s" } },
  routes: [
    { name: "warm", path: "/warm", respond: { status: 200, body: "x" }, rateLimit: { max: 1e6, window: "1s" } },
    { name: "all", path: "/*", respond: { status: 200, body: "x" }, rateLimit: { max, window: LONG } },
  ],
  logging: { level: "info", access: "off" },
});

const WORKERS = [1, 2, 3, 4];

/** Each of four workers has said it. */
const everyWorker = (sluice: Sluice, message: string) =>
  eventually(`${message} from every worker`, () => {
    const said = new Set(logged(sluice, message).map(({ worker }) => worker));
    return WORKERS.every((worker) => said.has(worker));
  });

/** What a worker said of Redis, in order. */
const changesOf = (sluice: Sluice, worker: number) =>
  logged(sluice, /^rate_limit\.(?:fallback|recovered)$/)
    .filter((line) => line.worker === worker)
    .map(({ msg }) => msg.slice("rate_limit.".length))
    .join(" ");

describeWithRedis("limits in Redis", () => {
  const closing: Array<() => unknown> = [];
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
  });

  const newRedis = async () => {
    const redis = await RedisServer.start();
    closing.push(() => redis.stop());
    return redis;
  };
  const newMachine = async (config: Config) => {
    const sluice = await Sluice.start(config);
    closing.push(() => sluice.stop());
    const clients = await Clients.connect(sluice.port);
    closing.push(() => clients.close());
    return { sluice, clients };
  };
  const decisions = async (redis: RedisServer) =>
    Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.command("INFO commandstats"))?.[1] ?? 0);
  /** Every connection's worker asks Redis. */
  const decidedByRedis = (redis: RedisServer, clients: Clients) =>
    eventually("redis decides for everybody", async () => {
      const before = await decisions(redis);
      await clients.ask(1, { target: "/warm" });
      return (await decisions(redis)) - before >= clients.count;
    });

  test("hold for four workers to within 1 %, from the first request on", async () => {
    const redis = await newRedis();
    const { clients } = await newMachine(machine(redis, 4, 1000));
    const seen = await clients.ask(40);
    expect(seen[200]! + seen[429]!).toBe(clients.count * 40);
    expect(seen[200]).toBeWithin(990, 1011);
  });

  test("hold for two machines together", async () => {
    const redis = await newRedis();
    const machines = [await newMachine(machine(redis, 2, 1000)), await newMachine(machine(redis, 2, 1000))];
    for (const { clients } of machines) await decidedByRedis(redis, clients);
    const seen = await Promise.all(machines.map(({ clients }) => clients.ask(20)));
    for (const { sluice } of machines) expect(logged(sluice, "rate_limit.fallback")).toEqual([]);
    expect(seen[0]![200]! + seen[1]![200]!).toBeWithin(990, 1011);
    expect(Math.min(seen[0]![200]!, seen[1]![200]!)).toBeGreaterThan(0);
    const keys = (await redis.command("KEYS sluice:limit:all/1:*")).split("\r\n");
    expect(keys).toContain("sluice:limit:all/1:127.0.0.1");
  });

  test("killed under load, it fails no request, hands out nothing twice, is spoken of by each worker, and decides again", async () => {
    const redis = await newRedis();
    const { sluice, clients } = await newMachine({ ...machine(redis, 4, 4000), rateLimit: { backend: "redis" } });
    await decidedByRedis(redis, clients);
    const load = { isOn: true, replies: 0, allowed: 0, refused: 0 };
    const running = (async () => {
      while (load.isOn) {
        const { 200: allowed = 0, 429: refused = 0, ...others } = await clients.ask(5);
        expect(others).toEqual({});
        load.allowed += allowed;
        load.refused += refused;
        load.replies += clients.count * 5;
      }
    })();
    const more = (count: number) => {
      const at = load.replies;
      return eventually(`${count} more replies`, () => load.replies >= at + count);
    };
    await more(1000);
    await redis.kill();
    await everyWorker(sluice, "rate_limit.fallback");
    expect(logged(sluice, "rate_limit.fallback")[0]!.reason).toContain(`redis 127.0.0.1:${redis.port}: `);
    await more(1000);
    await redis.start();
    await everyWorker(sluice, "rate_limit.recovered");
    const decided = await decisions(redis);
    await more(1000);
    expect(await decisions(redis)).toBeGreaterThan(decided);
    await eventually("the limit is met", () => load.refused > 500);
    load.isOn = false;
    await running;
    expect(load.allowed).toBeWithin(3960, 4041);
    for (const worker of WORKERS) expect(changesOf(sluice, worker)).toMatch(/^(fallback recovered ?)+(fallback)?$/);
  });

  test("let go of a Redis that the configuration names no longer", async () => {
    const [old, fresh] = [await newRedis(), await newRedis()];
    const { sluice, clients } = await newMachine(machine(old, 1, 1000));
    await decidedByRedis(old, clients);
    sluice.rewrite(machine(fresh, 1, 1000));
    await decidedByRedis(fresh, clients);
    await eventually("no connection to the old one", async () =>
      (await old.command("INFO clients")).includes("connected_clients:1\r\n"),
    );
    expect(logged(sluice, "rate_limit.fallback")).toEqual([]);
  });
});
