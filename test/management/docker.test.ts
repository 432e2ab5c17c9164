import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import type { AdminSluice } from "../admin/admin-sluice.ts";
import { CHECKED, describeWithDocker, DockerEngine, IMAGE } from "../kit/docker-engine.ts";
import { ask } from "../kit/raw-client.ts";
import { startLoad } from "../lifecycle/load.ts";
import { answers, becomes, labelled, leftOut, sluiceFor, statusOf, whoAnswers } from "./docker-kit.ts";

describeWithDocker("containers of a real engine", () => {
  let engine: DockerEngine;
  let sluice: AdminSluice;
  beforeAll(async () => {
    engine = await DockerEngine.start();
    await engine.makeImages();
    sluice = await sluiceFor(
      engine,
      { grace: "2s", allow: { hosts: ["*.test", "127.0.0.1"], plugins: ["stamp", "nobody"] } },
      {
        workers: 2,
        plugins: { define: { stamp: { use: "headers", with: { response: { set: { "x-stamp": "yes" } } } } } },
        routes: [{ name: "own", host: "own.test", path: "/mine", respond: { body: "configured" } }],
      },
    );
  }, 90_000);
  afterEach(() => engine.removeAll(), 30_000);
  afterAll(async () => {
    await sluice?.sluice.stop();
    await engine?.stop();
  }, 30_000);

  const address = async (name: string) => engine.docker("inspect", name, "-f", "{{.NetworkSettings.IPAddress}}");

  test("one that runs has its name's hosts; stopped, it is waited for, and then unknown", async () => {
    expect(await statusOf(sluice, "shop.localhost")).toBe("404");
    await engine.run("--name", "shop", IMAGE);
    for (const host of ["shop.localhost", "shop.docker.localhost", "SHOP.localhost:80"])
      await answers(sluice, 200, host);
    await engine.docker("stop", "-t", "5", "shop");
    await answers(sluice, 503, "shop.localhost");
    const reply = await ask(sluice.sluice.port, { host: "shop.localhost" });
    expect(Number(reply.header("retry-after"))).toBeGreaterThan(0);
    await answers(sluice, 404, "shop.localhost");
    expect(await statusOf(sluice, "shop.docker.localhost")).toBe("404");
  }, 60_000);

  test("one that is recreated answers 503 while it is away, and is served again by the same route", async () => {
    await engine.run("--name", "shop", IMAGE);
    await answers(sluice, 200, "shop.localhost");
    await engine.docker("rm", "-f", "shop");
    await answers(sluice, 503, "shop.localhost");
    const id = await engine.run("--name", "shop", IMAGE);
    await answers(sluice, 200, "shop.localhost");
    expect(await whoAnswers(sluice, "shop.localhost")).toEqual([id.slice(0, 12)]);
  }, 60_000);

  test("of three of one Compose service one stops under load: no idempotent request fails", async () => {
    const labels = {
      "com.docker.compose.project": "p",
      "com.docker.compose.service": "shop",
      "sluice.host": "127.0.0.1",
    };
    for (const [i, linger] of [0, 0, 300].entries())
      await engine.run("--name", `shop-${i}`, "-e", `LINGER=${linger}`, ...labelled(labels), IMAGE);
    const three = () =>
      whoAnswers(sluice, "127.0.0.1").then(
        (who) => who.length === 3,
        () => false,
      );
    await becomes("all three answer", three);
    const load = startLoad(sluice.sluice.port, 6);
    for (const [name, left] of [
      ["shop-0", 2],
      ["shop-2", 1],
    ] as const) {
      const before = load.answered;
      await becomes("there is load", async () => load.answered > before + 100);
      await engine.docker("stop", "-t", "5", name);
      await becomes("the others answer", async () => (await whoAnswers(sluice, "127.0.0.1")).length === left);
    }
    expect(await load.stop()).toEqual([]);
    await engine.removeAll();
    await answers(sluice, 404, "127.0.0.1");
  }, 60_000);

  test("one that is paused or says that it is sick gets nothing until it is well", async () => {
    await engine.run("--name", "shop", IMAGE);
    await engine.run("--name", "checked", CHECKED);
    await answers(sluice, 200, "shop.localhost");
    await engine.docker("pause", "shop");
    // Who asks a frozen one waits: nobody asks until it is known to be one.
    const endpoints = async () => (await sluice.admin.get("/api/endpoints")).text;
    await becomes("it has left", async () => !(await endpoints()).includes("shop@docker"));
    await answers(sluice, 503, "shop.localhost");
    await engine.docker("unpause", "shop");
    await answers(sluice, 200, "shop.localhost");
    await answers(sluice, 200, "checked.localhost");
    const direct = `http://${await address("checked")}:8080`;
    await fetch(`${direct}/sick`);
    await answers(sluice, 503, "checked.localhost");
    await fetch(`${direct}/well`);
    await answers(sluice, 200, "checked.localhost");
  }, 60_000);

  test("labels say host, path, port, plugins, weight and health", async () => {
    const labels = {
      "sluice.host": "shop.test",
      "sluice.path": "/api/*",
      "sluice.stripPath": "/api",
      "sluice.plugins": "stamp",
      "sluice.health.path": "/health",
      "sluice.health.interval": "200ms",
      "sluice.upstream": "labels",
    };
    const run = (name: string, more: Record<string, string>, ...words: string[]) =>
      engine.run("--name", name, ...words, ...labelled({ ...labels, ...more }), IMAGE).then((id) => id.slice(0, 12));
    const one = await run("one", { "sluice.port": "3000" }, "-e", "PORT=3000");
    await run("two", { "sluice.weight": "0" });
    const three = await run("three", {});
    const who = () => whoAnswers(sluice, "shop.test", "/api/y").catch(() => []);
    await becomes("both that take something do", async () => (await who()).length === 2);
    expect(await who()).toEqual([one, three].sort());
    const reply = await ask(sluice.sluice.port, { host: "shop.test", target: "/api/x" });
    expect(reply.json()).toMatchObject({ path: "/x", host: "shop.test" });
    expect(reply.header("x-stamp")).toBe("yes");
    for (const host of ["one.localhost", "two.localhost", "labels.localhost"])
      expect(await statusOf(sluice, host, "/api/x")).toBe("404");
    expect(await statusOf(sluice, "shop.test", "/other")).toBe("404");
    await fetch(`http://${await address("one")}:3000/sick`);
    await becomes("the sick one is left alone", async () => String(await who()) === three);
    const { text: health } = await sluice.admin.get("/api/upstreams/labels@docker/health");
    expect(health).toContain(":3000");
  }, 60_000);

  test("one whose labels are misspelt, not allowed or make no sense is left out, and the admin API says why", async () => {
    const wrong = { misspelt: "sluice.hots=a.test", greedy: "sluice.host=bank.example", lost: "sluice.plugins=nobody" };
    for (const [name, label] of Object.entries(wrong)) await engine.run("--name", name, "--label", label, IMAGE);
    await engine.run("--name", "good", IMAGE);
    await answers(sluice, 200, "good.localhost");
    await becomes("all are known", async () => (await leftOut(sluice)).length === 3);
    const said = (await leftOut(sluice)).sort().join("\n");
    expect(said).toMatch(/^docker: container greedy .*bank\.example/m);
    expect(said).toMatch(/^docker: container lost .*nobody/m);
    expect(said).toMatch(/^docker: container misspelt .*sluice\.hots.*host/m);
    for (const name of Object.keys(wrong)) expect(await statusOf(sluice, `${name}.localhost`)).toBe("404");
    expect(await statusOf(sluice, "bank.example")).toBe("404");
    const logged = (name: string) => {
      const lines = sluice.sluice.process.stdout.match(
        new RegExp(`container ${name} \\([0-9a-f]+\\) is left out`, "g"),
      );
      return lines?.length ?? 0;
    };
    for (const name of Object.keys(wrong)) await becomes(`the log says it of ${name}`, async () => logged(name) > 0);
    await engine.removeAll();
    await becomes("who is gone is not complained of", async () => (await leftOut(sluice)).length === 0);
    for (const name of Object.keys(wrong)) expect(logged(name)).toBe(1);
  }, 60_000);

  test("a route that is written down wins over a container's", async () => {
    await engine.run("--name", "own", ...labelled({ "sluice.host": "own.test", "sluice.path": "/mine, /*" }), IMAGE);
    await answers(sluice, 200, "own.test", "/theirs");
    const reply = await ask(sluice.sluice.port, { host: "own.test", target: "/mine" });
    expect(reply.text).toBe("configured");
  }, 60_000);
});
