import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { eventually } from "../../kit/eventually.ts";
import { CHECKED, DockerEngine, describeWithDocker, IMAGE } from "../../kit/docker-engine.ts";
import { FakeEngine } from "./fake-engine.ts";
import { Watching } from "./watching.ts";

/** What can be done to containers, by a real engine or by the fake one. */
interface Stage {
  readonly endpoint: string;
  run(name: string, labels: Record<string, string>): Promise<void>;
  stop(name: string): Promise<void>;
  start(name: string): Promise<void>;
  pause(name: string): Promise<void>;
  unpause(name: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  clean(): Promise<void>;
  close(): Promise<void>;
}

const LABELS = { "sluice.port": "8080" };
/** A real engine starts a process and moves addresses about. */
const PATIENCE_MS = 20_000;

function engineContract(open: () => Promise<Stage>): void {
  let stage: Stage;
  beforeAll(async () => {
    stage = await open();
  }, 90_000);
  afterEach(() => stage.clean(), 30_000);
  afterAll(() => stage.close(), 30_000);
  const watched = async (known: string) => {
    const watching = new Watching(stage.endpoint, { graceMs: 60_000 });
    await watching.until(known, PATIENCE_MS);
    return watching;
  };

  test("a container is found when it starts, and its service stays when it is gone", async () => {
    using watching = await watched("");
    await stage.run("shop", LABELS);
    await watching.until("shop: *:8080", PATIENCE_MS);
    await stage.remove("shop");
    await watching.until("shop:", PATIENCE_MS);
  }, 60_000);

  test("containers that run already are found", async () => {
    await stage.run("one", LABELS);
    await stage.run("two", { ...LABELS, "sluice.enable": "false" });
    using watching = await watched("one: *:8080");
    expect(watching.provider.state.detail).toContain("2 containers run");
  }, 60_000);

  test("docker stop says so before it has happened, and docker start brings it back", async () => {
    using watching = await watched("");
    await stage.run("shop", { ...LABELS });
    await watching.until("shop: *:8080", PATIENCE_MS);
    await Promise.all([stage.stop("shop"), watching.until("shop: *:8080(draining)", PATIENCE_MS)]);
    await watching.until("shop:", PATIENCE_MS);
    await stage.start("shop");
    await watching.until("shop: *:8080", PATIENCE_MS);
  }, 60_000);

  test("a paused container leaves and comes back", async () => {
    using watching = await watched("");
    await stage.run("shop", LABELS);
    await watching.until("shop: *:8080", PATIENCE_MS);
    await stage.pause("shop");
    await watching.until("shop:", PATIENCE_MS);
    await stage.unpause("shop");
    await watching.until("shop: *:8080", PATIENCE_MS);
  }, 60_000);

  test("a container is called what it is called now", async () => {
    using watching = await watched("");
    await stage.run("shop", LABELS);
    await watching.until("shop: *:8080", PATIENCE_MS);
    await stage.rename("shop", "store");
    await watching.until("store: *:8080", PATIENCE_MS);
  }, 60_000);
}

describe("the fake engine", () => {
  engineContract(async () => {
    const engine = new FakeEngine();
    const names = new Set<string>();
    return {
      endpoint: engine.endpoint,
      run: async (name, labels) => (names.add(name), engine.run(name, { labels })),
      stop: async (name) => {
        engine.signal(name, "15");
        await Bun.sleep(300);
        engine.die(name);
      },
      start: async (name) => engine.change(name, { state: "running", startedAt: Date.now() + 1 }, "start"),
      pause: async (name) => engine.change(name, { state: "paused" }, "pause"),
      unpause: async (name) => engine.change(name, { state: "running" }, "unpause"),
      rename: async (from, to) => (names.add(from), engine.rename(from, to)),
      remove: async (name) => {
        engine.signal(name, "9");
        engine.die(name);
        engine.remove(name);
      },
      clean: async () => {
        for (const name of names) engine.forget(name);
        engine.hangUp();
      },
      close: () => engine[Symbol.asyncDispose](),
    };
  });
});

describeWithDocker("a real engine", () => {
  engineContract(async () => {
    const engine = await DockerEngine.start();
    await engine.makeImages();
    const labelled = (labels: Record<string, string>) =>
      Object.entries(labels).flatMap(([label, value]) => ["--label", `${label}=${value}`]);
    const docker = async (...words: string[]) => void (await engine.docker(...words));
    return {
      endpoint: engine.endpoint,
      run: async (name, labels) =>
        void (await engine.run("--name", name, "-e", "LINGER=400", ...labelled(labels), IMAGE)),
      stop: (name) => docker("stop", "-t", "5", name),
      start: (name) => docker("start", name),
      pause: (name) => docker("pause", name),
      unpause: (name) => docker("unpause", name),
      rename: (from, to) => docker("rename", from, to),
      remove: (name) => docker("rm", "-f", name),
      clean: () => engine.removeAll(),
      close: () => engine.stop(),
    };
  });
});

describeWithDocker("a real engine with real services", () => {
  let engine: DockerEngine;
  beforeAll(async () => {
    engine = await DockerEngine.start();
    await engine.makeImages();
  }, 90_000);
  afterEach(() => engine.removeAll(), 30_000);
  afterAll(() => engine.stop(), 30_000);

  const who = async (watching: Watching) => {
    const { host, port } = watching.said.at(-1)!.services[0]!.endpoints[0]!;
    const answer = await fetch(`http://${host}:${port}/`);
    return ((await answer.json()) as { who: string }).who;
  };

  test("the address that is found is the service's, on whatever network", async () => {
    using watching = new Watching(engine.endpoint);
    await engine.docker("network", "create", "back");
    const id = await engine.run("--name", "shop", "--network", "back", CHECKED);
    // It has a health check: it is there when that has passed, so it answers at once.
    await watching.until("shop:", PATIENCE_MS);
    await watching.until("shop: *:8080", PATIENCE_MS);
    expect(await who(watching)).toBe(id.slice(0, 12));
  }, 60_000);

  test("a service that says that it is sick gets nothing until it is well", async () => {
    using watching = new Watching(engine.endpoint);
    await engine.run("--name", "shop", CHECKED);
    await watching.until("shop: *:8080", PATIENCE_MS);
    const { host, port } = watching.said.at(-1)!.services[0]!.endpoints[0]!;
    await fetch(`http://${host}:${port}/sick`);
    await watching.until("shop:", PATIENCE_MS);
    await fetch(`http://${host}:${port}/well`);
    await watching.until("shop: *:8080", PATIENCE_MS);
  }, 60_000);

  test("in a container, Sluice knows which one that is, and its networks are those it chooses", async () => {
    await engine.docker("network", "create", "front");
    const sources = join(import.meta.dir, "../../../src");
    const words = ["--hostname", "other", "-v", `${sources}:/sluice:ro`, "--network", "front", IMAGE, "/bin/bun", "-e"];
    const module = "/sluice/control/discovery/docker/own-container.ts";
    const script = `console.log(await (await import("${module}")).ownContainerName()); setInterval(() => {}, 1000)`;
    const own = await engine.run("--name", "sluice", ...words, script);
    await eventually("it has said it", async () => (await engine.docker("logs", "sluice")) === own, PATIENCE_MS);
    await engine.run("--name", "shop", IMAGE);
    await engine.docker("network", "connect", "front", "shop");
    using watching = new Watching(engine.endpoint, { ownName: async () => own });
    const address = "{{.NetworkSettings.Networks.front.IPAddress}}";
    await watching.until(`shop: ${await engine.docker("inspect", "shop", "-f", address)}:8080`, PATIENCE_MS);
  }, 60_000);

  test("a daemon that is started again is survived: what runs then is what is known", async () => {
    using watching = new Watching(engine.endpoint);
    await engine.run("--name", "shop", "--restart", "always", IMAGE);
    await engine.run("--name", "other", IMAGE);
    await watching.until("other: *:8080\nshop: *:8080", PATIENCE_MS);
    await engine.end();
    await engine.begin();
    await watching.until("other:\nshop: *:8080", PATIENCE_MS);
    expect(await engine.docker("ps", "--format", "{{.Names}}")).toBe("shop");
  }, 90_000);
});
