import { expect, test } from "bun:test";
import { kvOf } from "../../src/plugin-services/kv-store.ts";
import { RedisKv } from "../../src/plugin-services/redis-kv.ts";
import { eventually } from "../kit/eventually.ts";
import { freePort } from "../kit/free-port.ts";
import { describeWithRedis, RedisServer } from "../kit/redis-server.ts";
import { capturedLog } from "./captured-log.ts";

async function withRedis(server: RedisServer, check: (stage: Stage) => Promise<void>): Promise<void> {
  const { log, lines } = capturedLog();
  const store = new RedisKv(server.url, log);
  try {
    await check({
      kv: kvOf(store, "p"),
      lines,
      logged: (text) => lines.filter(({ msg }) => String(msg).includes(text)),
    });
  } finally {
    store.close();
    await server.stop();
  }
}

interface Stage {
  readonly kv: ReturnType<typeof kvOf>;
  readonly lines: ReadonlyArray<Record<string, unknown>>;
  logged(text: string): ReadonlyArray<Record<string, unknown>>;
}

const reasonOf = (promise: Promise<unknown>) => promise.then(String, (error: Error) => error.message);

describeWithRedis("a Redis that goes away", () => {
  test("is said once, refuses at once, and serves again when it is back", async () => {
    const server = await RedisServer.start();
    await withRedis(server, async ({ kv, logged }) => {
      await kv.set("key", 1);
      await server.kill();
      await eventually("the refusal", async () => (await reasonOf(kv.get("key"))).includes("is away"));
      expect(await reasonOf(kv.incr("n"))).toContain(`redis at 127.0.0.1:${server.port} is away`);
      await server.start();
      await eventually("its service", () =>
        kv.set("key", 2).then(
          () => true,
          () => false,
        ),
      );
      expect(await kv.get<number>("key")).toBe(2);
      expect([logged("redis is away").length, logged("redis is back").length]).toEqual([1, 1]);
    });
  });

  test("was not there at the start and comes later", async () => {
    const server = await RedisServer.start();
    await server.kill();
    await withRedis(server, async ({ kv, logged }) => {
      expect(await reasonOf(kv.get("key"))).toContain("is away");
      await server.start();
      await eventually("its service", () =>
        kv.set("key", 2).then(
          () => true,
          () => false,
        ),
      );
      expect([logged("redis is away").length, logged("redis is back").length]).toEqual([1, 1]);
    });
  });

  test("does not answer: what waits is refused, and it serves again when it does", async () => {
    const server = await RedisServer.start();
    await withRedis(server, async ({ kv }) => {
      await kv.set("key", 1);
      server.freeze();
      const reasons = await Promise.all([reasonOf(kv.get("key")), reasonOf(kv.incr("n"))]);
      for (const reason of reasons) expect(reason).toMatch(/did not answer within 2000 ms/);
      server.thaw();
      await eventually("its service", () =>
        kv.set("key", 2).then(
          () => true,
          () => false,
        ),
      );
    });
  }, 30_000);

  test("dies while operations wait: they are refused and not sent again", async () => {
    const server = await RedisServer.start();
    await withRedis(server, async ({ kv }) => {
      await kv.set("n", 0);
      server.freeze();
      const waiting = reasonOf(kv.incr("n"));
      await server.kill();
      expect(await waiting).toContain("is away");
      await server.start();
      await eventually("its service", () =>
        kv.set("other", 2).then(
          () => true,
          () => false,
        ),
      );
      expect(await kv.get("n")).toBeNull();
    });
  });

  test("wants another password: neither the error nor the log shows the one that was tried", async () => {
    const server = await RedisServer.start({ password: "right-one" });
    const { log, lines } = capturedLog();
    const store = new RedisKv(server.url.replace("right-one", "wrong-secret"), log);
    const reason = await reasonOf(kvOf(store, "p").get("key"));
    store.close();
    await server.stop();
    expect(reason).toContain(`redis at 127.0.0.1:${server.port} is away`);
    expect(reason).toContain("WRONGPASS");
    expect(reason + JSON.stringify(lines)).not.toContain("wrong-secret");
  });

  test("is asked with the password of its URL", async () => {
    await withRedis(await RedisServer.start({ password: "right-one" }), async ({ kv }) => {
      await kv.set("key", 1);
      expect(await kv.get<number>("key")).toBe(1);
    });
  });
});

test("nobody listens where Redis should be: the refusal says where and why", async () => {
  const port = await freePort();
  const store = new RedisKv(`redis://someone:secret@127.0.0.1:${port}/2`, capturedLog().log);
  const reason = await reasonOf(kvOf(store, "p").get("key"));
  store.close();
  expect(reason).toContain(`redis at 127.0.0.1:${port} is away (`);
  expect(reason).toContain("ECONNREFUSED");
  expect(reason).not.toContain("secret");
});
