import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { ContainerManager } from "../../../src/control/discovery/docker/container-manager.ts";
import type { CreateStep } from "../../../src/control/discovery/docker/container-view.ts";
import { readCreateRequest } from "../../../src/control/discovery/docker/create-request.ts";
import { DockerClient } from "../../../src/control/discovery/docker/docker-client.ts";
import type { DockerError } from "../../../src/control/discovery/docker/docker-error.ts";
import { DockerEngine, describeWithDocker, IMAGE } from "../../kit/docker-engine.ts";
import { OPTIONS } from "./containers.ts";
import { FakeEngine } from "./fake-engine.ts";
import { FakeRegistry } from "./fake-registry.ts";
import { Watching } from "./watching.ts";

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => null,
    (error: DockerError) => error,
  );
  return error === null ? "nothing" : `${error.status} ${error.message}`;
}

describe("what a container is asked for with", () => {
  test("image, tag and name are enough, and an image alone is", () => {
    const digest = `sha256:${"0".repeat(64)}`;
    expect(readCreateRequest({ image: "nginx", tag: "latest", name: "shop" })).toMatchObject({
      image: { text: "nginx:latest" },
      name: "shop",
    });
    expect(readCreateRequest({ image: `nginx@${digest}`, name: null, port: 80, env: { A_1: "x=y" } })).toEqual({
      image: { name: "nginx", version: digest, isDigest: true, text: `nginx@${digest}` },
      name: null,
      port: 80,
      env: { A_1: "x=y" },
    });
  });

  test.each([
    [null, "an object with `image`"],
    [[], "an object with `image`"],
    [{}, "image: expected"],
    [{ image: "nginx", nmae: "x" }, 'did you mean "name"?'],
    [{ image: "nginx", HostConfig: {} }, "known are image, tag"],
    [{ image: "nginx", tag: 1 }, "tag: expected text"],
    [{ image: "nginx", tag: "a b" }, "expected a tag"],
    [{ image: "../x" }, "expected an image"],
    [{ image: "nginx", name: "x" }, "name: expected 2 to 63"],
    [{ image: "nginx", name: "Shop" }, "name: expected 2 to 63"],
    [{ image: "nginx", name: "a.b" }, "name: expected 2 to 63"],
    [{ image: "nginx", name: "-shop" }, "name: expected 2 to 63"],
    [{ image: "nginx", port: "80" }, "port: expected"],
    [{ image: "nginx", env: ["A=b"] }, "env: expected an object"],
    [{ image: "nginx", env: { "A=B": "x" } }, "is not a variable's name"],
    [{ image: "nginx", env: { A: "x\0" } }, "env.A: expected text"],
    [{ image: "nginx", env: { A: 1 } }, "env.A: expected text"],
  ])("%j is refused", (body, reason) => {
    expect(() => readCreateRequest(body)).toThrow(reason);
  });
});

describe("pulling", () => {
  async function pull(lines: unknown[]) {
    const engine = new FakeEngine();
    engine.intercept = (path, { method }) => {
      if (path === "/images/create") return new Response(lines.map((line) => JSON.stringify(line)).join("\n"));
      return path.startsWith("/images/") || method === "POST"
        ? Response.json({ message: "none" }, { status: 404 })
        : null;
    };
    const manager = new ContainerManager({ client: new DockerClient(engine.endpoint), rules: OPTIONS, images: null });
    const steps: CreateStep[] = [];
    const failure = await refusal(manager.create({ image: "shop" }, (step) => steps.push(step)));
    await engine[Symbol.asyncDispose]();
    return { failure, progress: steps.flatMap((step) => (step.step === "pulling" ? [step.progress] : [])) };
  }

  test("its progress is the sum of its layers", async () => {
    const [a, b] = ["0123456789ab", "ba9876543210"];
    const { progress } = await pull([
      { status: "Pulling from library/shop", id: "latest" },
      { status: "Already exists", id: a },
      { status: "Downloading", id: b, progressDetail: { current: 10, total: 40 } },
      { status: "Download complete", id: b },
      { status: "Extracting", id: b, progressDetail: { current: 1, total: 40 } },
      { status: "Pull complete", id: b },
      { status: "Status: Downloaded newer image" },
    ]);
    expect(progress.slice(-3)).toEqual([
      { layers: { done: 1, total: 2 }, bytes: { done: 40, total: 40 } },
      { layers: { done: 1, total: 2 }, bytes: { done: 40, total: 40 } },
      { layers: { done: 2, total: 2 }, bytes: { done: 40, total: 40 } },
    ]);
    expect(progress[2]).toEqual({ layers: { done: 1, total: 2 }, bytes: { done: 10, total: 40 } });
    expect(progress[0]).toBeNull();
  });

  test("what the registry complains of half-way is the answer", async () => {
    expect((await pull([{ errorDetail: { message: "no space left on device" } }])).failure).toBe(
      "502 shop:latest cannot be pulled: no space left on device",
    );
    expect((await pull([{ error: "pull access denied for shop" }])).failure).toStartWith("404 ");
  });
});

describeWithDocker("containers that are managed", () => {
  let engine: DockerEngine;
  let registry: FakeRegistry;
  let client: DockerClient;
  const rules = { ...OPTIONS, network: "proxied" };
  const manage = (options: Partial<ConstructorParameters<typeof ContainerManager>[0]> = {}) =>
    new ContainerManager({ client, rules, images: null, ownName: async () => null, ...options });

  beforeAll(async () => {
    engine = await DockerEngine.start();
    await engine.makeImages();
    registry = await FakeRegistry.of(engine, IMAGE);
    client = new DockerClient(engine.endpoint);
    await engine.docker("network", "create", "proxied");
  }, 90_000);
  afterEach(() => engine.removeAll(), 30_000);
  afterAll(async () => {
    registry[Symbol.dispose]();
    await engine.stop();
  }, 30_000);

  test("an image that is missing is pulled, started on the proxy's network, and routed", async () => {
    using watching = new Watching(engine.endpoint, { rules });
    const steps: CreateStep[] = [];
    const request = { image: `${registry.host}/acme/shop`, tag: "v1", name: "shop", env: { PORT: "8080" } };
    const made = await manage().create(request, (step) => steps.push(step));
    expect(made).toMatchObject({
      name: "shop",
      image: `${registry.host}/acme/shop:v1`,
      state: "running",
      isManaged: true,
      hosts: ["shop.localhost", "shop.docker.localhost"],
      urls: ["http://shop.localhost/", "http://shop.docker.localhost/"],
      problems: [],
    });
    const pulled = steps.findLast(({ step }) => step === "pulling");
    expect(pulled).toMatchObject({ progress: { layers: { done: 1, total: 1 } } });
    expect(steps.slice(-2)).toEqual([
      { step: "creating", name: "shop" },
      { step: "starting", name: "shop" },
    ]);
    await watching.until("shop: *:8080");
    expect(
      Object.keys(
        JSON.parse(await engine.docker("inspect", "shop", "-f", "{{json .NetworkSettings.Networks}}")) as object,
      ),
    ).toEqual(["proxied"]);
  }, 60_000);

  test("a name is made up where none is given, and another one where somebody has it", async () => {
    const draws = [0, 0, 0, 0, 0.5, 0.5];
    const manager = manage({ random: () => draws.shift()! });
    const first = await manager.create({ image: IMAGE });
    const second = await manager.create({ image: IMAGE });
    expect([first.name, second.name]).toEqual(["amber-badger", "lucky-island"]);
    expect(await refusal(manager.create({ image: IMAGE, name: "amber-badger" }))).toStartWith("409 ");
  }, 60_000);

  test("what it made can be stopped, started and removed", async () => {
    const manager = manage();
    const { id } = await manager.create({ image: IMAGE, name: "shop" });
    await manager.stop("shop");
    await manager.stop("shop");
    expect(await manager.list()).toMatchObject([{ id, name: "shop", state: "exited", isManaged: true }]);
    expect(await manager.start(id)).toMatchObject({
      id,
      state: "running",
      urls: ["http://shop.localhost/", "http://shop.docker.localhost/"],
    });
    await manager.remove(id);
    expect(await manager.list()).toEqual([]);
    expect(await refusal(manager.remove(id))).toStartWith("404 ");
  }, 60_000);

  test("what it did not make is shown and left alone, unless a label allows it", async () => {
    const own = await engine.run("--name", "sluice", "--label", "sluice.manage=true", IMAGE);
    await engine.run("--name", "precious", IMAGE);
    await engine.run("--name", "offered", "--label", "sluice.manage=true", IMAGE);
    const manager = manage({ ownName: async () => own });
    expect(Object.fromEntries((await manager.list()).map(({ name, isManaged }) => [name, isManaged]))).toEqual({
      sluice: false,
      precious: false,
      offered: true,
    });
    const acts = [
      () => manager.stop("precious"),
      () => manager.start("precious"),
      () => manager.remove("precious"),
      () => manager.stop(own),
    ];
    for (const act of acts) expect(await refusal(act())).toStartWith("403 ");
    expect(await refusal(manager.stop("../images/x"))).toBe("400 expected a container's id or name");
    await manager.remove("offered");
    expect(await engine.docker("ps", "--format", "{{.Names}}")).not.toContain("offered");
  }, 60_000);

  test("what cannot be had leaves nothing behind", async () => {
    expect(await refusal(manage().create({ image: `${registry.host}/acme/shop`, tag: "v2" }))).toStartWith("404 ");
    expect(await refusal(manage({ images: ["nginx"] }).create({ image: IMAGE }))).toStartWith("403 ");
    const lost = manage({ rules: { ...rules, network: "nowhere" } });
    expect(await refusal(lost.create({ image: IMAGE, name: "shop" }))).toContain("network nowhere not found");
    expect(await refusal(lost.create({ image: IMAGE, name: "shop" }))).toStartWith("400 ");
    expect(await manage().list()).toEqual([]);
  }, 60_000);
});
