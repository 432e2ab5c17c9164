import { describe, expect, test } from "bun:test";
import { definePlugin, t } from "sluice";
import { testPlugin } from "sluice/testing";

describe("services", () => {
  test("fetch reaches upstreams by name, and nothing link-local", async () => {
    const plugin = definePlugin({
      name: "asks",
      config: t.Object({ up: t.Upstream() }),
      setup: ({ config, fetch }) => ({
        async request(ctx) {
          const answer = await fetch(`upstream://${config.up}/check?x=1`, { headers: { "X-Token": "t" } });
          return ctx.respond(200, await answer.text());
        },
      }),
    });
    await using bench = await testPlugin(plugin, { config: { up: "auth" }, upstream: () => new Response("yes") });
    expect(await (await bench.request("/")).text()).toBe("yes");
    const [asked] = bench.upstream.requests;
    expect([asked!.upstream, asked!.target, asked!.headers.get("x-token")]).toEqual(["auth", "/check?x=1", "t"]);
  });

  test("cache loads once for many, keeps what is stale while it renews, and remembers absence when told to", async () => {
    let loads = 0;
    let value: string | null = "a";
    const plugin = definePlugin({
      name: "caches",
      config: t.Object({}),
      setup: ({ cache }) => ({
        async request(ctx) {
          const load = async () => {
            loads++;
            await Promise.resolve();
            return value;
          };
          const got = await cache.get("k", load, { ttlMs: 1000, staleMs: 1000, negativeMs: 500 });
          return ctx.respond(200, String(got));
        },
      }),
    });
    await using bench = await testPlugin(plugin);
    const ask = async () => (await bench.request("/")).text();
    expect(await Promise.all([ask(), ask(), ask()])).toEqual(["a", "a", "a"]);
    expect(loads).toBe(1);
    value = "b";
    await bench.clock.advance(1500);
    expect(await ask()).toBe("a");
    expect(await ask()).toBe("b");
    value = null;
    await bench.clock.advance(5000);
    expect(await ask()).toBe("null");
    value = "c";
    expect(await ask()).toBe("null");
    await bench.clock.advance(600);
    expect(await ask()).toBe("c");
  });

  test("kv, metrics, every and log do what their names say", async () => {
    const plugin = definePlugin({
      name: "serves",
      config: t.Object({}),
      setup({ kv, metrics, every, log }) {
        const asked = metrics.counter("asked_total");
        const sizes = metrics.histogram("sizes", { buckets: [1, 10] });
        every(1000, async () => {
          await kv.incr("ticks");
        });
        return {
          async request(ctx) {
            asked.inc(1, { path: ctx.path });
            sizes.observe(5);
            log.info("asked", { n: await kv.incr("asked", { ttlMs: 500 }) });
            ctx.log.warn("here");
          },
        };
      },
    });
    await using bench = await testPlugin(plugin);
    await bench.request("/a");
    await bench.request("/a");
    expect(bench.metrics).toEqual({ 'asked_total{path="/a"}': 2, sizes_count: 2, sizes_sum: 10 });
    expect(bench.logs).toContainEqual({ level: "info", message: "asked", n: 2, plugin: "serves" });
    expect(bench.logs).toContainEqual(expect.objectContaining({ message: "here", requestId: expect.any(String) }));
    await bench.clock.advance(3000);
    expect(await bench.kv.get<number>("ticks")).toBe(3);
    expect(await bench.kv.get("asked")).toBeNull();
  });

  test("a closed generation's signal aborts, and waitUntil is waited for", async () => {
    const order: string[] = [];
    const plugin = definePlugin({
      name: "closes",
      config: t.Object({}),
      setup({ signal }) {
        signal.addEventListener("abort", () => order.push("closed"));
        return {
          request(ctx) {
            ctx.waitUntil(Bun.sleep(5).then(() => order.push("later")));
          },
        };
      },
    });
    const bench = await testPlugin(plugin);
    await bench.request("/");
    await bench.close();
    expect(order).toEqual(["later", "closed"]);
  });
});

describe("set-up", () => {
  test("that fails, or returns what is no hook, says so", async () => {
    const bad = (setup: () => unknown) =>
      testPlugin(definePlugin({ name: "bad", config: t.Object({}), setup: setup as never }));
    expect(bad(() => ({ reqest() {} }))).rejects.toThrow('no phase is called "reqest"');
    expect(bad(() => ({ request: 1 }))).rejects.toThrow("request must be a function");
    expect(bad(() => undefined)).rejects.toThrow("must return an object");
    expect(
      bad(() => {
        throw new Error("no database");
      }),
    ).rejects.toThrow("setup(): no database");
  });

  test("with a configuration that does not fit says where", async () => {
    const plugin = definePlugin({ name: "c", config: t.Object({ ttl: t.Duration() }), setup: () => ({}) });
    expect(testPlugin(plugin, { config: { ttl: "x" } })).rejects.toThrow("with.ttl");
    expect(testPlugin(plugin, { config: { tll: "5s" } })).rejects.toThrow("ttl");
  });
});
