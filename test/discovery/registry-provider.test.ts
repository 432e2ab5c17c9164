import { describe, expect, test } from "bun:test";
import { loadConfig } from "../../src/control/config/load-config.ts";
import type { PartialConfig } from "../../src/control/discovery/provider.ts";
import {
  discoveredServices,
  parseVersionSplit,
  REGISTRY_ROUTES,
  type RegistryRoutes,
} from "../../src/control/discovery/registry/discovered-services.ts";
import type { Instance } from "../../src/control/discovery/registry/instance.ts";
import { RegistryProvider } from "../../src/control/discovery/registry/registry-provider.ts";
import { settled } from "../kit/manual-clock.ts";
import { instance, registration, TestRegistry } from "./registry-kit.ts";

function discover(instances: readonly Instance[], over: Partial<RegistryRoutes> = {}): PartialConfig {
  return discoveredServices(instances, { ...REGISTRY_ROUTES, ...over });
}

const versioned = (id: string, version: string) => instance({ id, address: id, metadata: { version } });

describe("a registered service", () => {
  test("is an upstream of its instances behind its name, which is cut off", () => {
    const metadata = { version: "2.0", weight: "2" };
    const { services, rejected } = discover([
      instance({ id: "a-1", weight: 2, metadata }),
      instance({ id: "b-1", service: "b", scheme: "https", address: "b.internal", port: 443 }),
      instance({ id: "a-2", address: "10.0.0.2" }),
    ]);
    expect(rejected).toEqual([]);
    expect(services).toEqual([
      {
        name: "a",
        endpoints: [
          {
            id: "a-1",
            scheme: "http",
            host: "10.0.0.1",
            port: 8080,
            weight: 2,
            labels: metadata,
            origin: "instance a-1",
          },
          { id: "a-2", scheme: "http", host: "10.0.0.2", port: 8080, weight: 1, labels: {}, origin: "instance a-2" },
        ],
        upstream: { balance: "round-robin", health: { active: { type: "tcp" } } },
        routes: [{ path: "/a/*", stripPath: "/a" }],
        origin: "instances a-1, a-2",
      },
      expect.objectContaining({ name: "b", origin: "instance b-1" }),
    ]);
  });

  test("keeps its prefix where that is wanted, and is balanced as is said", () => {
    const { services } = discover([instance()], { keepPrefix: true, balance: "least-connections", checks: null });
    expect(services[0]).toMatchObject({ routes: [{ path: "/a/*" }], upstream: { balance: "least-connections" } });
    expect(services[0]!.routes[0]).not.toHaveProperty("stripPath");
    expect(services[0]!.upstream).not.toHaveProperty("health");
  });

  test("is checked in the way its newest instance asks for", () => {
    const old = instance({ id: "old", address: "old", updatedAt: 1, metadata: { health: "/old" } });
    const now = instance({ id: "now", address: "now", updatedAt: 2, metadata: { healthPath: "/now" } });
    const checks = { interval: "5s" };
    const { services } = discover([now, old], { checks });
    expect(services[0]!.upstream["health"]).toEqual({ active: { path: "/now", interval: "5s" } });
    const tcp = instance({ id: "tcp", address: "tcp", updatedAt: 3, metadata: { health: "tcp" } });
    expect(discover([old, tcp], { checks }).services[0]!.upstream["health"]).toEqual({
      active: { type: "tcp", interval: "5s" },
    });
  });

  test("has an address once, under the registration that came last", () => {
    const { services, rejected } = discover([
      instance({ id: "new", updatedAt: 2 }),
      instance({ id: "old", updatedAt: 1 }),
      instance({ id: "other", service: "b" }),
    ]);
    expect(services.map(({ endpoints }) => endpoints.map(({ id }) => id))).toEqual([["new"], ["other"]]);
    expect(rejected).toEqual([{ origin: "instance old", reason: "new registered the same address later" }]);
  });

  test("says where it came from, shortly", () => {
    const many = ["1", "2", "3", "4", "5"].map((id) => instance({ id, address: id }));
    expect(discover(many).services[0]!.origin).toBe("instances 1, 2, 3 and 2 more");
  });

  test("is the instances that a request's version asks for, where versions are split", () => {
    const splitByVersion = parseVersionSplit("header:X-Version")!;
    const instances = [
      versioned("one", "1.0"),
      versioned("two", "2.0"),
      versioned("more", "2.0"),
      instance({ id: "none" }),
    ];
    const { services } = discover(instances, { splitByVersion });
    expect(services.map(({ name, endpoints }) => [name, endpoints.map(({ id }) => id)])).toEqual([
      ["a", ["one", "two", "more", "none"]],
      ["a.v1.0", ["one"]],
      ["a.v2.0", ["two", "more"]],
    ]);
    expect(services.map(({ routes }) => routes)).toEqual([
      [{ path: "/a/*", stripPath: "/a" }],
      [{ path: "/a/*", stripPath: "/a", headers: { "X-Version": "1.0" } }],
      [{ path: "/a/*", stripPath: "/a", headers: { "X-Version": "2.0" } }],
    ]);
  });

  test("may be asked for by query, and a version may say that it is one", () => {
    const { services } = discover([versioned("x", "v2")], { splitByVersion: parseVersionSplit("query:v") });
    expect(services[1]).toMatchObject({ name: "a.v2", routes: [{ query: { v: "v2" } }] });
  });

  test("with a version that no name can carry is served without it", () => {
    const { services, rejected } = discover([versioned("x", "*"), versioned("y", "")], {
      splitByVersion: parseVersionSplit("header:X-Version"),
    });
    expect(services.map(({ name }) => name)).toEqual(["a"]);
    expect(rejected).toEqual([{ origin: "instance x", reason: 'no route can ask for the version "*"' }]);
  });

  test("keeps its name beside a version of another one", () => {
    const { services, rejected } = discover([versioned("x", "2"), instance({ id: "y", service: "a.v2" })], {
      splitByVersion: parseVersionSplit("header:X-Version"),
    });
    expect(services.map(({ name }) => name)).toEqual(["a", "a.v2"]);
    expect(services[1]!.endpoints.map(({ id }) => id)).toEqual(["y"]);
    expect(rejected).toEqual([{ origin: "instance x", reason: "the name a.v2 belongs to a registered service" }]);
  });

  test("keeps its name beside another version whose name comes out the same", () => {
    const { services, rejected } = discover([versioned("x", "2"), versioned("y", "v2")], {
      splitByVersion: parseVersionSplit("header:X-Version"),
    });
    expect(services.map(({ name }) => name)).toEqual(["a", "a.v2"]);
    expect(rejected).toEqual([{ origin: "instance y", reason: "the name a.v2 is taken by another version" }]);
  });

  test("is split by a header or a query parameter and by nothing else", () => {
    expect(parseVersionSplit("header:X-Version")).toEqual({ by: "header", name: "X-Version" });
    for (const wrong of ["header:", "header:a b", "cookie:v", "X-Version", "header:a\n"]) {
      expect(parseVersionSplit(wrong)).toBeNull();
    }
  });

  test("is configuration as people write it", async () => {
    const { services } = discover(
      [
        versioned("one.internal", "1.0"),
        instance({ id: "six", address: "fd00::1", metadata: { health: "/health?deep=1" } }),
        instance({ id: "b", service: "b" }),
      ],
      { splitByVersion: parseVersionSplit("header:X-Version"), checks: { interval: "5s", timeout: 500 } },
    );
    const written = {
      listeners: [{ port: 8080 }],
      upstreams: services.map(({ name, upstream, endpoints }) => ({
        name,
        ...upstream,
        endpoints: endpoints.map(({ scheme, host, port, weight }) => {
          return { url: `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`, weight };
        }),
      })),
      routes: services.flatMap(({ name, routes }) => routes.map((route) => ({ ...route, upstream: name }))),
    };
    const loaded = await loadConfig("x.yaml", { readFile: () => Buffer.from(JSON.stringify(written)) });
    expect(loaded.ok ? [] : loaded.errors).toEqual([]);
  });
});

describe("the registry as a provider", () => {
  test("says nothing before it knows what is stored, then all of it, and again at each change", async () => {
    const { running, clock } = new TestRegistry();
    const provider = new RegistryProvider(running, REGISTRY_ROUTES, clock.later);
    const abort = new AbortController();
    const seen: string[][] = [];
    const reading = (async () => {
      for await (const { services } of provider.watch(abort.signal)) seen.push(services.map(({ name }) => name));
    })();
    await settled();
    expect(seen).toEqual([]);
    const pass = async () => {
      await settled();
      await clock.advance(20);
    };
    await running.start();
    await pass();
    await running.register(registration(), "t");
    await pass();
    await running.register(registration(), "t");
    await pass();
    await running.register(registration({ id: "b", service: "b" }), "t");
    await pass();
    await running.deregister("a-1", "t");
    await pass();
    abort.abort();
    await reading;
    expect(seen).toEqual([[], ["a"], ["a", "b"], ["b"]]);
  });

  test("tells of one registration at once, and of a burst now and then", async () => {
    const { running, clock } = new TestRegistry();
    await running.start();
    const abort = new AbortController();
    const counts: number[] = [];
    const reading = (async () => {
      const provider = new RegistryProvider(running, REGISTRY_ROUTES, clock.later);
      for await (const { services } of provider.watch(abort.signal)) counts.push(services.length);
    })();
    await settled();
    await clock.advance(20);
    for (let i = 0; i < 50; i++) await running.register(registration({ id: `${i}`, service: `s${i}` }), "t");
    expect(counts).toEqual([0, 1]);
    await clock.advance(20);
    expect(counts).toEqual([0, 1, 50]);
    abort.abort();
    await reading;
    expect(clock.alarmCount).toBe(0);
  });

  test("tells when an instance has expired", async () => {
    const { running, clock } = new TestRegistry();
    await running.start();
    await running.register(registration({ ttlMs: 2_000 }), "t");
    const reader = new RegistryProvider(running).watch(new AbortController().signal)[Symbol.asyncIterator]();
    expect((await reader.next()).value!.services).toHaveLength(1);
    const next = reader.next();
    await clock.advance(2_000);
    expect((await next).value!.services).toEqual([]);
  });

  test("says what it sees", async () => {
    const { running } = new TestRegistry();
    const provider = new RegistryProvider(running);
    expect(provider.state).toEqual({ up: true, detail: "0 services, 0 instances" });
    await running.register(registration(), "t");
    expect(provider.state).toEqual({ up: true, detail: "1 service, 1 instance" });
  });
});
