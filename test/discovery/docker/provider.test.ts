import { describe, expect, test } from "bun:test";
import { eventually } from "../../kit/eventually.ts";
import { ManualClock } from "../../kit/manual-clock.ts";
import { parseConfig, serializeConfig } from "../../../src/control/discovery/docker/address-cache.ts";
import type { PartialConfig } from "../../../src/control/discovery/provider.ts";
import { container, idOf, network, OPTIONS, running } from "./containers.ts";
import { containersToServices } from "../../../src/control/discovery/docker/containers-to-services.ts";
import { FakeEngine } from "./fake-engine.ts";
import { Watching } from "./watching.ts";

/** Loopback, in a spelling that is not looked through. */
const NOT_KNOWN_AS_OURS = "[::ffff:127.0.0.1]";
const KEPT = containersToServices(running(container("kept")), OPTIONS);

describe("an engine that is watched", () => {
  test("200 containers that start at once are few updates and few questions at a time", async () => {
    await using engine = new FakeEngine();
    using watching = new Watching(engine.endpoint);
    await watching.until("");
    engine.delay = () => Bun.sleep(1);
    for (let i = 0; i < 200; i++) engine.run(`web${i}`);
    await eventually("all are routed", () => watching.said.at(-1)!.services.length === 200);
    expect(engine.mostInspecting).toBeLessThanOrEqual(8);
    expect(engine.inspections).toBe(200);
    expect(watching.said.length).toBeLessThan(40);
  });

  test("nothing is asked while nothing happens", async () => {
    await using engine = new FakeEngine();
    engine.add("shop");
    using watching = new Watching(engine.endpoint);
    await watching.until("shop: *:80");
    expect(engine.asked).toEqual([
      "/_ping",
      "/info",
      "/events",
      "/containers/json",
      `/containers/${idOf("shop")}/json`,
    ]);
  });

  test("what happens while it looks for the first time is not lost", async () => {
    await using engine = new FakeEngine();
    engine.add("stays");
    engine.add("leaves");
    engine.intercept = (path) => {
      if (path === `/containers/${idOf("leaves")}/json`) {
        engine.intercept = () => null;
        engine.run("comes");
        engine.die("leaves");
        // What was true when it was asked arrives after what happened then.
        return Bun.sleep(50).then(() => Response.json(JSON_OF_LEAVES));
      }
      return null;
    };
    using watching = new Watching(engine.endpoint, { graceMs: 1 });
    await watching.until("comes: *:80\nstays: *:80");
  });

  test("an engine that goes away keeps what was known, and is asked anew when it is back", async () => {
    await using engine = new FakeEngine();
    engine.add("stays");
    engine.add("leaves");
    using watching = new Watching(engine.endpoint, { graceMs: 1 });
    await watching.until("leaves: *:80\nstays: *:80");
    await engine.stop();
    await eventually("it is said why", () => watching.provider.state.detail.includes("there is no such socket"));
    expect(watching.provider.state.up).toBe(false);
    expect(watching.known).toMatch(/^leaves: .*\nstays: /);
    engine.forget("leaves");
    engine.add("comes");
    const before = engine.inspections;
    engine.start();
    await watching.until("comes: *:80\nstays: *:80");
    await eventually("it is up", () => watching.provider.state.up);
    // What has not changed is not looked at again.
    expect(engine.inspections - before).toBe(1);
    expect(watching.trouble).toHaveLength(1);
  });

  test("a stream of events that ends, or makes no sense, is no loss", async () => {
    await using engine = new FakeEngine();
    using watching = new Watching(engine.endpoint);
    await watching.until("");
    engine.hangUp();
    engine.add("first");
    await watching.until("first: *:80");
    await eventually("it listens", () => engine.listeners === 1);
    engine.say("{ nonsense");
    engine.add("second");
    await watching.until("first: *:80\nsecond: *:80");
    expect(watching.trouble.join("\n")).toContain("is not JSON");
  });

  test("a container that the engine fails to tell about keeps nobody from the others, and is asked for again", async () => {
    await using engine = new FakeEngine();
    engine.add("shop");
    engine.add("stuck");
    let failures = 2;
    engine.intercept = (path) =>
      path.includes(idOf("stuck")) && failures-- > 0 ? Response.json({ message: "boom" }, { status: 500 }) : null;
    const clock = new ManualClock();
    using watching = new Watching(engine.endpoint, { clock, later: clock.later });
    await watching.until("shop: *:80");
    await watching.until("shop: *:80\nstuck: *:80");
    expect(watching.trouble).toEqual([expect.stringContaining("500 boom")]);
    expect(failures).toBe(-1);
  });

  test("an engine on another machine that is gone without a word is missed", async () => {
    await using engine = new FakeEngine();
    engine.add("shop");
    const port = engine.listen();
    const clock = new ManualClock();
    using watching = new Watching(`tcp://${NOT_KNOWN_AS_OURS}:${port}`, {
      clock,
      later: clock.later,
      reach: "network",
    });
    await watching.until("shop: *:80");
    engine.intercept = (path) => (path === "/_ping" ? Response.json({ message: "who?" }, { status: 500 }) : null);
    await eventually("it is missed", () => clock.advance(500).then(() => !watching.provider.state.up));
    expect(watching.known).toStartWith("shop: ");
  });

  test("docker stop is draining at once, gone when it has died, and forgotten when nobody came back", async () => {
    await using engine = new FakeEngine();
    engine.add("shop");
    const clock = new ManualClock();
    using watching = new Watching(engine.endpoint, { clock, later: clock.later });
    await watching.until("shop: *:80");
    engine.signal("shop", "15");
    await watching.until("shop: *:80(draining)");
    engine.die("shop");
    await watching.until("shop:");
    await clock.advance(29_000);
    expect(watching.known).toBe("shop:");
    await clock.advance(1_000);
    await watching.until("");
  });

  test("a service that is recreated is never unknown", async () => {
    await using engine = new FakeEngine();
    engine.add("shop");
    using watching = new Watching(engine.endpoint, { graceMs: 60_000 });
    await watching.until("shop: *:80");
    engine.die("shop");
    engine.remove("shop");
    await watching.until("shop:");
    engine.run("shop", { networks: [network("bridge", "10.9.9.9")] });
    await watching.until("shop: 10.9.9.9:80");
    expect(watching.said.every(({ services }) => services.length === 1)).toBe(true);
  });

  test("a second absence begins its own grace", async () => {
    await using engine = new FakeEngine();
    engine.add("shop");
    const clock = new ManualClock();
    using watching = new Watching(engine.endpoint, { clock, later: clock.later });
    await watching.until("shop: *:80");
    engine.die("shop");
    await watching.until("shop:");
    await clock.advance(20_000);
    engine.change("shop", { state: "running", startedAt: Date.now() }, "start");
    await watching.until("shop: *:80");
    engine.die("shop");
    await watching.until("shop:");
    await clock.advance(20_000);
    expect(watching.known).toBe("shop:");
    await clock.advance(10_000);
    await watching.until("");
  });

  test("it ends when it is told to, and leaves the engine alone", async () => {
    await using engine = new FakeEngine();
    using watching = new Watching(engine.endpoint);
    await watching.until("");
    watching.stop();
    await watching.ended;
    await eventually("nobody listens", () => engine.listeners === 0);
    expect(watching.provider.state).toEqual({ up: false, detail: "not watched" });
  });
});

describe("a start without an engine", () => {
  const nowhere = "unix:///nonexistent/docker.sock";
  const cache = (load: () => Promise<PartialConfig | null>) => {
    const saved: string[] = [];
    return { saved, load, save: async (config: PartialConfig) => void saved.push(serializeConfig(config)) };
  };

  test("routes to what was kept, and saves none of it", async () => {
    const kept = cache(async () => KEPT);
    using watching = new Watching(nowhere, { cache: kept });
    await watching.until("kept: *:80");
    expect(kept.saved).toEqual([]);
  });

  test("says that there is nothing when nothing was kept, or it cannot be read", async () => {
    using empty = new Watching(nowhere, { cache: cache(async () => null) });
    using broken = new Watching(nowhere, { cache: cache(() => Promise.reject(new Error("no redis"))) });
    await empty.until("");
    await broken.until("");
    expect(broken.trouble.join("\n")).toContain("no redis");
  });

  test("a cache that is slower than the engine is not heard", async () => {
    await using engine = new FakeEngine();
    engine.add("shop");
    const { promise, resolve } = Promise.withResolvers<PartialConfig | null>();
    using watching = new Watching(engine.endpoint, { cache: cache(() => promise) });
    await watching.until("shop: *:80");
    resolve(KEPT);
    await engine.stop();
    await eventually("it is down", () => !watching.provider.state.up);
    expect(watching.known).toStartWith("shop: ");
  });

  test("what an engine says is saved", async () => {
    await using engine = new FakeEngine();
    engine.add("shop");
    const kept = cache(async () => null);
    using watching = new Watching(engine.endpoint, { cache: kept });
    await watching.until("shop: *:80");
    await eventually("it is saved", () => parseConfig(kept.saved.at(-1) ?? "")?.services[0]?.name === "shop");
  });
});

const JSON_OF_LEAVES = {
  Id: idOf("leaves"),
  Name: "/leaves",
  Created: new Date(1000).toISOString(),
  State: { Status: "running", StartedAt: new Date(1000).toISOString() },
  Config: { ExposedPorts: { "80/tcp": {} } },
  NetworkSettings: { Networks: { bridge: { IPAddress: "10.1.0.99" } } },
};
