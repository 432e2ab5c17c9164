import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { describeWithDocker, DockerEngine, IMAGE } from "../kit/docker-engine.ts";
import { describeWithRedis, RedisServer } from "../kit/redis-server.ts";
import { ask } from "../kit/raw-client.ts";
import { startLoad } from "../lifecycle/load.ts";
import { answers, becomes, labelled, sluiceFor, statusOf } from "./docker-kit.ts";

/** As many as a small machine starts in a few seconds; `SLUICE_TEST_CONTAINERS=200` is what the engine's bridge has room for. */
const MANY = Number(process.env["SLUICE_TEST_CONTAINERS"] ?? 12);

describeWithDocker("an engine that is busy, or away", () => {
  let engine: DockerEngine;
  beforeAll(async () => {
    engine = await DockerEngine.start({ keepsContainers: true });
    await engine.makeImages();
  }, 90_000);
  afterEach(() => engine.removeAll(), 120_000);
  afterAll(() => engine?.stop(), 120_000);

  test("containers that start at once are all routed", async () => {
    await using sluice = await sluiceFor(engine, {}, { workers: 2 });
    const names = Array.from({ length: MANY }, (_, i) => `many-${i}`);
    await Promise.all(names.map((name) => engine.docker("create", "--name", name, IMAGE)));
    await Promise.all(names.map((name) => engine.docker("start", name)));
    await becomes("all answer", async () => {
      const replies = await Promise.all(names.map((name) => ask(sluice.sluice.port, { host: `${name}.localhost` })));
      return replies.every(({ status }) => status === 200);
    });
    // For whoever starts now, with one worker, it is all there.
    await using later = await sluiceFor(engine, { grace: "200ms" });
    for (const name of names) expect((await ask(later.sluice.port, { host: `${name}.localhost` })).status).toBe(200);
    await using picky = await sluiceFor(engine, { exposedByDefault: false });
    await engine.run("--name", "asked", "--label", "sluice.enable=true", IMAGE);
    await answers(picky, 200, "asked.localhost");
    await answers(later, 200, "asked.docker.localhost");
    expect(await statusOf(picky, `${names[0]}.localhost`)).toBe("404");
    await engine.docker("rm", "-f", "asked");
    await answers(later, 404, "asked.localhost");
  }, 240_000);

  test("while the daemon is away everything goes on; when it is back, so is what has happened meanwhile", async () => {
    await using sluice = await sluiceFor(engine, { grace: "30s" }, { workers: 2 });
    await engine.run("--name", "stays", ...labelled({ "sluice.host": "*" }), IMAGE);
    await engine.run("--name", "dies", IMAGE);
    await answers(sluice, 200, "dies.localhost");
    await answers(sluice, 200, "stays.test");
    const ready = async () => (await sluice.admin.get("/health/ready")).json;
    expect(await ready()).toMatchObject({ status: "UP", checks: { docker: "UP" } });
    const pid = Number(await engine.docker("inspect", "dies", "-f", "{{.State.Pid}}"));
    const load = startLoad(sluice.sluice.port, 2);
    await engine.end();
    await becomes("readiness says so", async () => (await ready()).checks.docker === "DOWN");
    // What was found last is still served.
    expect((await sluice.admin.get("/health/ready")).status).toBe(200);
    expect((await sluice.admin.get("/health/live")).status).toBe(200);
    expect(await statusOf(sluice, "dies.localhost")).toBe("200");
    process.kill(pid, "SIGKILL");
    await engine.begin();
    await becomes("it is seen again", async () => (await ready()).checks.docker === "UP");
    await answers(sluice, 503, "dies.localhost");
    await engine.run("--name", "new", IMAGE);
    await answers(sluice, 200, "new.localhost");
    expect(await load.stop()).toEqual([]);
    expect(load.answered).toBeGreaterThan(0);
  }, 120_000);

  describeWithRedis("with Redis", () => {
    test("Sluice starts without the engine and routes to what it knew", async () => {
      await using redis = await RedisServer.start();
      const more = { workers: 2, redis: { url: redis.url } };
      await engine.run("--name", "shop", ...labelled({ "sluice.path": "/shop/*" }), IMAGE);
      {
        await using sluice = await sluiceFor(engine, {}, more);
        await answers(sluice, 200, "shop.localhost", "/shop/");
        await becomes("it is kept", async () => /\$[1-9]/.test(await redis.command("GET sluice:discovery:docker")));
      }
      await engine.end();
      {
        await using sluice = await sluiceFor(engine, {}, more);
        expect(await statusOf(sluice, "shop.localhost", "/shop/x")).toBe("200");
        expect((await sluice.admin.get("/health/ready")).json).toMatchObject({ checks: { docker: "DOWN" } });
        await engine.begin();
        await engine.run("--name", "new", IMAGE);
        await answers(sluice, 200, "new.localhost");
        expect(await statusOf(sluice, "shop.localhost", "/shop/x")).toBe("200");
      }
      await redis.kill();
      await using sluice = await sluiceFor(engine, {}, more);
      await answers(sluice, 200, "new.localhost");
    }, 120_000);
  });
});
