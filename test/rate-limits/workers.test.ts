import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "../kit/eventually.ts";
import { ask } from "../kit/raw-client.ts";
import { type Config, Sluice } from "../kit/sluice.ts";
import { childrenOf } from "../workers/workers.ts";
import { Clients, LONG } from "./clients.ts";

setDefaultTimeout(60_000);

const limited = (max: number, more: Config = {}): Config => ({
  workers: 4,
  routes: [{ name: "all", path: "/*", respond: { status: 200, body: "x" }, rateLimit: { max, window: LONG } }],
  logging: { access: "off" },
  ...more,
});

describe("four workers", () => {
  test.each(["wire", "serve"])(
    "allow together what one limit allows, to within 1 %: edge %s",
    async (edge) => {
      await using sluice = await Sluice.start((port) =>
        limited(2000, { listeners: [{ host: "127.0.0.1", port, edge }] }),
      );
      using clients = await Clients.connect(sluice.port);
      const seen = await clients.ask(60);
      expect(seen[200]! + seen[429]!).toBe(clients.count * 60);
      expect(seen[200]).toBeWithin(1980, 2021);
    },
    30_000,
  );

  test("keep their counts over reloads and over the death of every one of them", async () => {
    await using sluice = await Sluice.start(limited(100));
    const allowed = async (times: number) => {
      using clients = await Clients.connect(sluice.port, 20);
      return (await clients.ask(times))[200] ?? 0;
    };
    expect(await allowed(4)).toBe(80);
    sluice.rewrite(limited(100, { security: { headers: { "X-Version": "2" } } }));
    await eventually("the new version", async () => {
      const reply = await ask(sluice.port, { target: "/", method: "HEAD" });
      return reply.header("x-version") === "2" ? reply : null;
    });
    const before = new Set(childrenOf(sluice.pid));
    for (const pid of before) process.kill(pid, "SIGKILL");
    await eventually("four new ones that serve", async () => {
      const now = childrenOf(sluice.pid);
      return now.length === 4 && now.every((pid) => !before.has(pid));
    });
    await eventually("an answer", () => ask(sluice.port).catch(() => null));
    const rest = await allowed(10);
    // Whoever waited above has asked, too.
    expect(rest).toBeLessThan(20);
    expect((await ask(sluice.port)).status).toBe(429);
  });

  test("begin a new count for a route with a new name", async () => {
    await using sluice = await Sluice.start(limited(1));
    expect((await ask(sluice.port)).status).toBe(200);
    expect((await ask(sluice.port)).status).toBe(429);
    const config = limited(1);
    sluice.rewrite({ ...config, routes: [{ ...(config.routes as Config[])[0], name: "renamed" }] });
    await eventually("a fresh count", async () => (await ask(sluice.port)).status === 200);
    expect((await ask(sluice.port)).status).toBe(429);
  });
});
