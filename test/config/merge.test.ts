import { expect, test } from "bun:test";
import { loadConfig } from "../../src/control/config/load-config.ts";
import type { PartialConfig } from "../../src/control/discovery/provider.ts";

const FILE = `
upstreams: [{ name: api, url: "http://127.0.0.1:9001" }]
routes: [{ name: all, path: /api/*, upstream: api }]
`;
const readFile = () => Buffer.from(FILE) as never;
const endpoint = (port: number) => ({
  id: `${port}`,
  scheme: "http" as const,
  host: "10.0.0.5",
  port,
  weight: 1,
  labels: {},
  origin: "x",
});
const found = (services: PartialConfig["services"]) => new Map([["docker", { services, rejected: [] }]]);

test("what a provider finds stands behind the configuration, with its name", async () => {
  const loaded = await loadConfig("f.yaml", {
    readFile,
    discovered: found([
      {
        name: "shop",
        endpoints: [endpoint(80)],
        upstream: {},
        routes: [{ host: "shop.localhost" }, { path: "/shop/*" }],
        origin: "container shop",
      },
    ]),
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.errors));
  expect(loaded.spec.upstreams.map(({ name, endpoints }) => [name, endpoints[0]!.discovered ?? false])).toEqual([
    ["api", false],
    ["shop@docker", true],
  ]);
  expect(loaded.spec.routes.map(({ id, isDiscovered, origin }) => [id, isDiscovered, origin])).toEqual([
    ["all", false, "file:3:10"],
    ["shop@docker", true, "docker"],
    ["shop.2@docker", true, "docker"],
  ]);
  expect([loaded.warnings.filter(({ file }) => file !== "f.yaml"), loaded.leftOut]).toEqual([[], []]);
});

test("a service that cannot be used is left out with its reason, and the others are served", async () => {
  const loaded = await loadConfig("f.yaml", {
    readFile,
    discovered: found([
      {
        name: "bad",
        endpoints: [endpoint(80)],
        upstream: { balanse: "x" },
        routes: [{ host: "bad host" }],
        origin: "container bad",
      },
      { name: "good", endpoints: [], upstream: {}, routes: [{ host: "good.localhost" }], origin: "container good" },
    ]),
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.errors));
  expect(loaded.spec.upstreams.map(({ name }) => name)).toEqual(["api", "good@docker"]);
  expect(loaded.leftOut.map(({ from }) => from)).toEqual(["docker: container bad"]);
  expect(loaded.leftOut[0]!.reasons.join("\n")).toContain('unknown key "balanse"');
});

test("what is stored is the operator's own: a name that the file has is an error that says where", async () => {
  const stored = [
    {
      section: "routes" as const,
      value: { name: "all", path: "/x", upstream: "api" },
      from: "store: route all",
      provider: null,
    },
  ];
  const loaded = await loadConfig("f.yaml", { readFile, stored });
  expect(loaded.ok ? [] : loaded.errors.map(({ file, message }) => [file, message])).toEqual([
    ["store: route all", 'another route is called "all"'],
  ]);
});

test("names with @ are Sluice's", async () => {
  const stored = [
    {
      section: "routes" as const,
      value: { name: "a@docker", path: "/x", upstream: "api" },
      from: "store: route a",
      provider: null,
    },
  ];
  const loaded = await loadConfig("f.yaml", { readFile, stored });
  expect(loaded.ok).toBe(false);
});

test("an operator's mistake is told, whatever providers found", async () => {
  const stored = [
    { section: "routes" as const, value: { name: "b", path: "x" }, from: "store: route b", provider: null },
  ];
  const loaded = await loadConfig("f.yaml", {
    readFile,
    stored,
    discovered: found([{ name: "bad", endpoints: [], upstream: { x: 1 }, routes: [], origin: "container bad" }]),
  });
  expect(loaded.ok ? [] : [...new Set(loaded.errors.map(({ file }) => file))]).toEqual(["store: route b"]);
});
