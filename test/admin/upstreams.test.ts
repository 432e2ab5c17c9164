import { afterAll, beforeAll, expect, test } from "bun:test";
import { AdminSluice, origin } from "./admin-sluice.ts";

const blue = origin("blue");
const green = origin("green");
let running: AdminSluice;

beforeAll(async () => {
  running = await AdminSluice.start({
    upstreams: [{ name: "pair", endpoints: [{ url: blue.url }, { url: green.url }] }],
    routes: [{ path: "/pair", upstream: "pair" }],
  });
});

afterAll(async () => {
  await running?.[Symbol.asyncDispose]();
  await blue[Symbol.asyncDispose]();
  await green[Symbol.asyncDispose]();
});

async function endpoints(upstream: string): Promise<Array<Record<string, unknown>>> {
  const { json } = await running.admin.get("/api/endpoints");
  return json.filter((one: { upstream: string }) => one.upstream === upstream);
}

/** Who answers sixteen requests. */
async function answerers(): Promise<Set<string>> {
  const replies = await Promise.all(Array.from({ length: 16 }, () => running.proxied("/pair")));
  return new Set(replies);
}

test("an upstream is made, used by a route, replaced and removed", async () => {
  const made = await running.admin.post("/api/upstreams", { name: "one", url: blue.url, timeout: "5s" });
  expect(made.status).toBe(201);
  expect(made.json).toMatchObject({
    id: "one",
    name: "one",
    origin: "store",
    config: { url: blue.url, timeout: "5s" },
  });
  expect(made.json.endpoints).toEqual([{ url: blue.url, weight: 1 }]);
  expect((await running.admin.put("/api/routes/one", { path: "/one", upstream: "one" })).status).toBe(201);
  expect(await running.proxied("/one")).toBe("200 blue");
  expect((await running.admin.put("/api/upstreams/one", { url: green.url })).status).toBe(200);
  expect(await running.proxied("/one")).toBe("200 green");
  const inUse = await running.admin.delete("/api/upstreams/one");
  expect(inUse.status).toBe(422);
  expect(inUse.json.errors[0]).toMatchObject({ file: "store: route one", message: 'no upstream is called "one"' });
  expect(await running.proxied("/one")).toBe("200 green");
  expect((await running.admin.delete("/api/routes/one")).status).toBe(204);
  expect((await running.admin.delete("/api/upstreams/one")).status).toBe(204);
  expect((await running.admin.get("/api/upstreams/one")).status).toBe(404);
});

test("an upstream without a name is refused: routes refer to it", async () => {
  const reply = await running.admin.post("/api/upstreams", { url: blue.url });
  expect([reply.status, reply.json.detail]).toEqual([422, "an upstream has a name: routes refer to it"]);
});

test("an upstream's health says which of its endpoints takes traffic, and why", async () => {
  const { status, json } = await running.admin.get("/api/upstreams/pair/health");
  expect([status, json.upstream, json.status]).toEqual([200, "pair", "UP"]);
  expect(json.endpoints.map((one: { endpoint: string }) => one.endpoint)).toEqual([blue.url, green.url]);
  for (const { standing, reasons } of json.endpoints) {
    expect(standing).toBe("available");
    expect(reasons.length).toBeGreaterThan(0);
  }
  expect((await running.admin.get("/api/upstreams/nobody/health")).status).toBe(404);
});

test("a draining endpoint takes nothing new until it is as configured again", async () => {
  const [first] = await endpoints("pair");
  expect(first).toMatchObject({ endpoint: blue.url, weight: 1, draining: false });
  const path = `/api/endpoints/${first!.id}`;
  expect((await running.admin.put(`${path}?dryRun=1`, { draining: true })).json).toEqual({ valid: true, warnings: [] });
  expect(await answerers()).toEqual(new Set(["200 blue", "200 green"]));
  const drained = await running.admin.put(path, { draining: true });
  expect(drained.json).toMatchObject({ id: first!.id, weight: 0, draining: true });
  expect(await answerers()).toEqual(new Set(["200 green"]));
  expect((await running.admin.put(path, {})).json).toMatchObject({ weight: 1, draining: false });
  expect(await answerers()).toEqual(new Set(["200 blue", "200 green"]));
});

test("an endpoint's weight is set, and null is what is configured", async () => {
  const [, second] = await endpoints("pair");
  const path = `/api/endpoints/${second!.id}`;
  expect((await running.admin.put(path, { weight: 0 })).json).toMatchObject({ weight: 0, draining: false });
  expect(await answerers()).toEqual(new Set(["200 blue"]));
  expect((await running.admin.put(path, { weight: null })).json).toMatchObject({ weight: 1 });
});

test("what cannot be said of an endpoint is refused in words", async () => {
  const [first] = await endpoints("pair");
  const path = `/api/endpoints/${first!.id}`;
  for (const body of [
    { weight: -1 },
    { weight: 1.5 },
    { weight: "2" },
    { draining: 1 },
    { wieght: 2 },
    { weight: 1e7 },
  ]) {
    const reply = await running.admin.put(path, body);
    expect([reply.status, reply.json.code]).toEqual([422, "invalid_request"]);
  }
  expect((await running.admin.put("/api/endpoints/pair.00000000", {})).status).toBe(404);
});
