import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { KvOperation, KvOutcome } from "../../src/control/workers/messages.ts";
import { kvOf } from "../../src/plugin-services/kv-store.ts";
import { MemoryKv } from "../../src/plugin-services/memory-kv.ts";
import { RedisKv } from "../../src/plugin-services/redis-kv.ts";
import { eventually, Gate } from "../kit/eventually.ts";
import { describeWithRedis, RedisServer } from "../kit/redis-server.ts";
import { capturedLog } from "./captured-log.ts";
import { kvContract } from "./kv-contract.ts";
import { KvRelay } from "./kv-relay.ts";

describe("in memory", () => {
  let now = 1000;
  const store = new MemoryKv({ now: () => now });
  kvContract("memory", () => ({ kv: (plugin) => kvOf(store, plugin), pass: (ms) => void (now += ms) }));
});

describe("through a worker's channel", () => {
  let now = 1000;
  let relay: KvRelay;
  beforeAll(async () => void (relay = await KvRelay.start(new MemoryKv({ now: () => now }))));
  afterAll(() => relay[Symbol.asyncDispose]());
  kvContract("supervisor", () => ({ kv: (plugin) => kvOf(relay, plugin), pass: (ms) => void (now += ms) }));
});

describeWithRedis("in Redis", () => {
  let server: RedisServer;
  let store: RedisKv;
  beforeAll(async () => {
    server = await RedisServer.start();
    store = new RedisKv(server.url, capturedLog().log);
  });
  afterAll(async () => {
    store.close();
    await server.stop();
  });
  kvContract("redis", () => ({ kv: (plugin) => kvOf(store, plugin), pass: (ms) => server.pass(ms) }));
});

describe("the memory's limits", () => {
  test("a plugin whose part is full is refused, keeps what it has, and leaves others alone", async () => {
    const store = new MemoryKv({ maxEntries: 3 });
    const kv = kvOf(store, "full");
    for (const key of ["a", "b", "c"]) await kv.set(key, key);
    await expect(kv.set("d", "d")).rejects.toThrow("plugin full keeps 3 keys");
    await expect(kv.incr("n")).rejects.toThrow("keeps 3 keys");
    await kv.set("a", "again");
    expect(await kv.get<string>("a")).toBe("again");
    await kvOf(store, "other").set("d", "d");
    await kv.delete("b");
    await kv.set("d", "d");
    expect(await kv.get<string>("c")).toBe("c");
  });

  test("bytes are counted, also when a value grows or goes", async () => {
    const kv = kvOf(new MemoryKv({ maxBytes: 3000 }), "full");
    await kv.set("key", "x".repeat(1000));
    await expect(kv.set("other", "x".repeat(1000))).rejects.toThrow("KiB");
    await expect(kv.set("key", "x".repeat(2000))).rejects.toThrow("KiB");
    expect(await kv.get<string>("key")).toHaveLength(1000);
    await kv.set("key", "x");
    await kv.set("other", "x".repeat(1000));
  });

  test("what has expired makes room", async () => {
    let now = 0;
    const kv = kvOf(new MemoryKv({ maxEntries: 100, now: () => now }), "p");
    for (let i = 0; i < 100; i++) await kv.set(`old-${i}`, i, { ttlMs: 10 });
    now = 5000;
    for (let i = 0; i < 100; i++) await kv.set(`new-${i}`, i);
    await expect(kv.set("one more", 1)).rejects.toThrow("100 keys");
    expect(await kv.get<number>("new-99")).toBe(99);
  });
});

describe("through a worker's channel", () => {
  test("a worker's death leaves what it kept, and its successor finds it", async () => {
    const store = new MemoryKv();
    {
      await using relay = await KvRelay.start(store);
      await kvOf(relay, "p").set("key", "kept");
    }
    await using successor = await KvRelay.start(store);
    expect(await kvOf(successor, "p").get<string>("key")).toBe("kept");
  });

  test("a worker that dies while it waits disturbs nobody", async () => {
    const gate = new Gate();
    const asked: KvOperation[] = [];
    const run = async (operation: KvOperation): Promise<KvOutcome> => {
      asked.push(operation);
      await gate.opened;
      return null;
    };
    const relay = await KvRelay.start({ run });
    void relay.run({ verb: "get", plugin: "p", key: "key" });
    await eventually("the question", () => asked.length === 1);
    await relay[Symbol.asyncDispose]();
    gate.open();
    await using other = await KvRelay.start({ run });
    expect(await other.run({ verb: "get", plugin: "p", key: "key" })).toBeNull();
  });

  test("what the store refuses is refused with its reason", async () => {
    await using relay = await KvRelay.start(new MemoryKv({ maxEntries: 1 }));
    const kv = kvOf(relay, "p");
    await kv.set("a", 1);
    const [b, a] = await Promise.allSettled([kv.set("b", 1), kv.get<number>("a")]);
    expect(String((b as PromiseRejectedResult).reason)).toContain("plugin p keeps 1 keys");
    expect((a as PromiseFulfilledResult<number | null>).value).toBe(1);
  });
});
