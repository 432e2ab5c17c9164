import { describe, expect, test } from "bun:test";
import { formatDiagnostic } from "../../../src/control/config/diagnostics.ts";
import { loadConfig } from "../../../src/control/config/load-config.ts";
import { plugins, tempFolder, writeIn } from "../../config/config-files.ts";
import { ALLOW_ALL } from "../../../src/control/discovery/docker/allow.ts";
import { containersToServices } from "../../../src/control/discovery/docker/containers-to-services.ts";
import type { FoundContainer, MappingOptions } from "../../../src/control/discovery/docker/mapping-options.ts";
import { composed, container, idOf, labelled, OPTIONS, running } from "./containers.ts";

function map(found: FoundContainer[], options: Partial<MappingOptions> = {}) {
  return containersToServices(found, { ...OPTIONS, ...options });
}

const addresses = (found: FoundContainer[], options: Partial<MappingOptions> = {}) =>
  Object.fromEntries(
    map(found, options).services.map(({ name, endpoints }) => [name, endpoints.map(({ host }) => host)]),
  );

/** What holds of any service of containers: its endpoints come and go. */
const CALM = { retries: { max: 2, on: ["reset"] }, health: { passive: { ejectFor: "1s" } } };

describe("containers as services", () => {
  test("a container without labels has two hosts and its lowest exposed port", () => {
    expect(map(running(container("nginx1", { exposedPorts: [80, 443] })))).toEqual({
      services: [
        {
          name: "nginx1",
          endpoints: [
            {
              id: idOf("nginx1").slice(0, 12),
              scheme: "http",
              host: "172.17.0.2",
              port: 80,
              weight: 1,
              labels: {},
              origin: `container nginx1 (${idOf("nginx1").slice(0, 8)})`,
            },
          ],
          upstream: CALM,
          routes: [{ host: ["nginx1.localhost", "nginx1.docker.localhost"], path: "/*" }],
          origin: `container nginx1 (${idOf("nginx1").slice(0, 8)})`,
        },
      ],
      rejected: [],
    });
  });

  test("labels become an upstream and a route for each path", () => {
    const labels = {
      "sluice.host": "shop.test",
      "sluice.path": "/api/*,/health",
      "sluice.stripPath": "/api",
      "sluice.plugins": "cors,acme-jwt",
      "sluice.auth": "required",
      "sluice.balance": "p2c",
      "sluice.health.path": "/health",
      "sluice.health.interval": "5s",
      "sluice.port": "3000",
      "sluice.weight": "3",
      "sluice.labels.version": "2.0",
    };
    const { services } = map(running(labelled("shop", labels)));
    const rest = { stripPath: "/api", auth: "required", plugins: ["cors", "acme-jwt"] };
    expect(services[0]!.routes).toEqual([
      { host: ["shop.test"], path: "/api/*", ...rest },
      { host: ["shop.test"], path: "/health", ...rest },
    ]);
    expect(services[0]!.upstream).toEqual({
      ...CALM,
      balance: "p2c",
      health: { ...CALM.health, active: { path: "/health", interval: "5s" } },
    });
    expect(services[0]!.endpoints[0]).toMatchObject({ port: 3000, weight: 3, labels: { version: "2.0" } });
  });

  test("without exposedByDefault only those are routed that ask for it", () => {
    const found = running(container("quiet"), labelled("shop", { "sluice.enable": "true" }));
    expect(map(found, { exposedByDefault: false })).toMatchObject({ services: [{ name: "shop" }], rejected: [] });
    expect(addresses(running(labelled("db", { "sluice.enable": "false", "sluice.nonsense": "1" })))).toEqual({});
  });

  test("who cannot be routed is told why", () => {
    const found = running(container("batch", { exposedPorts: [] }), labelled("typo", { "sluice.hots": "a.test" }));
    const { services, rejected } = map(found);
    expect(services).toEqual([]);
    expect(rejected.map(({ reason }) => reason)).toEqual([
      "it exposes no TCP port: say which one with sluice.port",
      'the label sluice.hots: there is no such label: did you mean "host"?',
    ]);
  });

  test("the containers of a Compose service are one upstream, and errands are none of them", () => {
    const oneOff = composed("shop", "web", 3, { labels: { "com.docker.compose.oneoff": "True" } });
    const found = running(composed("shop", "web", 1), composed("shop", "web", 2), oneOff, composed("blog", "web", 1));
    expect(addresses(found)).toEqual({
      "shop-web": ["172.18.0.1", "172.18.0.2"],
      "shop-web-3": ["172.18.0.3"],
      "blog-web": ["172.18.0.1"],
    });
  });

  test("containers join an upstream by its name", () => {
    const join = (name: string) => labelled(name, { "sluice.upstream": "api", "sluice.host": "api.test" });
    const { services } = map(running(join("one"), join("two")));
    expect(services).toMatchObject([{ name: "api", routes: [{ host: ["api.test"] }] }]);
    expect(services[0]!.endpoints).toHaveLength(2);
  });

  test("a container that says something else than its elders stays out of their service", () => {
    const older = labelled("older", { "sluice.upstream": "api", "sluice.plugins": "key-auth" }, { createdAt: 1 });
    const newer = labelled("newer", { "sluice.upstream": "api" }, { createdAt: 2 });
    const { services, rejected } = map(running(newer, older));
    expect(services[0]!.routes).toMatchObject([{ plugins: ["key-auth"] }]);
    expect(services[0]!.endpoints).toMatchObject([{ origin: `container older (${idOf("older").slice(0, 8)})` }]);
    expect(rejected).toMatchObject([
      { reason: expect.stringContaining("something else than those of container older") },
    ]);
  });

  test("when the elder stops, its successor speaks for the service at once", () => {
    const older = {
      container: labelled("a", { "sluice.upstream": "api", "sluice.host": "v1.test" }),
      isGone: false,
      isStopping: true,
    };
    const newer = labelled("b", { "sluice.upstream": "api", "sluice.host": "v2.test" }, { createdAt: 2000 });
    const { services, rejected } = map([older, ...running(newer)]);
    expect(services).toMatchObject([{ routes: [{ host: ["v2.test"] }] }]);
    expect(services[0]!.endpoints.map(({ draining }) => draining).sort()).toEqual([true, undefined]);
    expect(rejected).toEqual([]);
  });

  test.each([
    ["starting", { health: "starting" }],
    ["unhealthy", { health: "unhealthy" }],
    ["paused", { state: "paused" }],
    ["restarting", { state: "restarting" }],
  ] as const)("a service whose only container is %s is there without endpoints", (_, change) => {
    expect(addresses(running(container("shop", change)))).toEqual({ shop: [] });
  });

  test("a container that has gone leaves its service and its route behind", () => {
    const gone = { container: container("shop"), isStopping: true, isGone: true };
    const { services } = map([gone]);
    expect(services).toMatchObject([{ name: "shop", endpoints: [], routes: [{ path: "/*" }] }]);
    // The new one has another id and other labels, and nobody objects.
    const back = labelled("shop", { "sluice.host": "shop.test" }, { id: idOf("again"), createdAt: 9000 });
    expect(map([gone, ...running(back)])).toMatchObject({
      services: [{ endpoints: [{ id: idOf("again").slice(0, 12) }], routes: [{ host: ["shop.test"] }] }],
      rejected: [],
    });
  });

  test("a host belongs to the oldest container that claims it, and is free when that has gone", () => {
    const older = labelled("older", { "sluice.host": "shop.test" }, { createdAt: 1 });
    const newer = labelled("newer", { "sluice.host": "shop.test,new.test" }, { createdAt: 2 });
    const both = map(running(newer, older));
    expect(both.services).toMatchObject([
      { name: "newer", routes: [{ host: ["new.test"] }] },
      { name: "older", routes: [{ host: ["shop.test"] }] },
    ]);
    expect(both.rejected).toMatchObject([{ reason: "shop.test with /* belongs to an older container" }]);
    const after = map([{ container: older, isStopping: false, isGone: true }, ...running(newer)]);
    expect(after.services.find(({ name }) => name === "newer")!.routes).toMatchObject([
      { host: ["shop.test", "new.test"] },
    ]);
  });

  test("two services never have one name", () => {
    const found = running(container("shop-web"), composed("shop", "web", 1, { createdAt: 9000 }));
    const names = map(found).services.map(({ name }) => name);
    expect(names).toEqual(["shop-web", `shop-web-${idOf("shop-web-1").slice(0, 12)}`]);
  });

  test("Sluice's own container is no service", () => {
    expect(addresses(running(container("sluice")), { ownId: idOf("sluice") })).toEqual({});
  });

  test("auth that the provider asks for is asked for whatever labels say", () => {
    expect(map(running(container("shop")), { auth: "required" }).services[0]!.routes).toMatchObject([
      { auth: "required" },
    ]);
  });

  test("claims beyond what is allowed are refused whole", () => {
    const allow = { ...ALLOW_ALL, hosts: ["*.shop.test"] };
    const { services, rejected } = map(running(labelled("bank", { "sluice.host": "bank.test" }), container("ok")), {
      allow,
    });
    expect(services.map(({ name }) => name)).toEqual(["ok"]);
    expect(rejected).toMatchObject([{ reason: expect.stringContaining("allow.hosts") }]);
  });

  test("the configuration's own schema takes what labels become", async () => {
    const labels = {
      "sluice.host": "shop.test, *.shop.test",
      "sluice.path": "/api/*",
      "sluice.stripPath": "/api",
      "sluice.plugins": "compress",
      "sluice.auth": "required",
      "sluice.balance": "least-connections",
      "sluice.health.path": "/health",
      "sluice.health.interval": "5s",
    };
    const { services } = map(
      running(labelled("shop", labels), container("plain"), labelled("any", { "sluice.host": "*" })),
    );
    const config = {
      security: { auth: { type: "apiKey", keys: [{ key: "a-long-enough-key-for-a-test", id: "me" }] } },
      upstreams: services.map(({ name, endpoints, upstream }) => {
        return {
          name,
          endpoints: endpoints.map(({ scheme, host, port }) => ({ url: `${scheme}://${host}:${port}` })),
          ...upstream,
        };
      }),
      routes: services.flatMap(({ name, routes }) => routes.map((route) => ({ ...route, upstream: name }))),
    };
    const loaded = await loadConfig(writeIn(tempFolder(), "sluice.yaml", JSON.stringify(config)), { env: {}, plugins });
    expect(loaded.ok ? [] : loaded.errors.map(formatDiagnostic)).toEqual([]);
  });

  test("the order of containers changes nothing", () => {
    const found = running(composed("shop", "web", 1), composed("shop", "web", 2), container("a"), container("b"));
    expect(map(found.toReversed())).toEqual(map(found));
  });
});
