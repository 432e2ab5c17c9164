import { afterAll, beforeAll, expect, test } from "bun:test";
import { AdminSluice, origin, pong } from "./admin-sluice.ts";

const shop = origin("shop");
let running: AdminSluice;

beforeAll(async () => {
  running = await AdminSluice.start({
    upstreams: [{ name: "shop", url: shop.url, circuitBreaker: { failureThreshold: 7 } }],
    routes: [{ name: "written", path: "/written", upstream: "shop", rateLimit: { max: 9, window: "30s" } }],
  });
});

afterAll(async () => {
  await running?.[Symbol.asyncDispose]();
  await shop[Symbol.asyncDispose]();
});

test("a route that FlexGate's users post is answered, listed, and served at the time of the reply", async () => {
  const body = {
    path: "/api/products",
    upstream: shop.url,
    methods: ["GET"],
    rateLimit: { requests: 50, window: "60s" },
  };
  const made = await running.admin.post("/api/routes", body);
  expect(made.status).toBe(201);
  expect(await running.proxied("/api/products")).toBe("200 shop");
  expect(await running.proxied("/api/products", { method: "POST" })).toBe("404");
  const { json } = await running.admin.get("/api/routes");
  expect(json.find((route: { id: string }) => route.id === made.json.id)).toMatchObject({
    path: "/api/products",
    upstream: shop.url,
    methods: ["GET"],
    enabled: true,
    rateLimit: { requests: 50, window: "60s" },
    circuitBreaker: { enabled: false, threshold: null },
    origin: "store",
  });
  expect(made.headers.get("location")).toBe(`/api/routes/${made.json.id}`);
  expect((await running.admin.get(made.headers.get("location")!)).json).toMatchObject({
    id: made.json.id,
    config: body,
  });
});

test("what stands in the file is listed with its place and its upstream's breaker", async () => {
  const { json } = await running.admin.get("/api/routes/written");
  expect(json).toMatchObject({
    id: "written",
    upstream: "shop",
    rateLimit: { requests: 9, window: "30s" },
    circuitBreaker: { enabled: true, threshold: 7 },
  });
  expect(json.origin).toMatch(/^file:\d+:\d+$/);
});

test("PUT makes a route under the name of its path, replaces it as a whole, and DELETE removes it", async () => {
  expect((await running.admin.put("/api/routes/mine", pong("/mine", "one"))).status).toBe(201);
  expect(await running.proxied("/mine")).toBe("200 one");
  expect((await running.admin.put("/api/routes/mine", pong("/other", "two"))).status).toBe(200);
  expect(await running.proxied("/other")).toBe("200 two");
  expect(await running.proxied("/mine")).toBe("404");
  const gone = await running.admin.delete("/api/routes/mine");
  expect([gone.status, gone.text]).toEqual([204, ""]);
  expect(await running.proxied("/other")).toBe("404");
  expect((await running.admin.get("/api/routes/mine")).status).toBe(404);
  expect((await running.admin.delete("/api/routes/mine")).status).toBe(404);
});

test("a route that is switched off stays in the list, in the same shape, and is not served", async () => {
  const body = { ...pong("/off"), methods: "get", enabled: false, rateLimit: { max: 3, window: "1m" } };
  expect((await running.admin.put("/api/routes/off", body)).status).toBe(201);
  expect(await running.proxied("/off")).toBe("404");
  const { json } = await running.admin.get("/api/routes/off");
  const served = (await running.admin.get("/api/routes/written")).json;
  expect(Object.keys(json).filter((key) => key !== "config")).toEqual(Object.keys(served));
  expect(json).toMatchObject({
    enabled: false,
    action: "respond",
    rateLimit: { requests: 3, window: "60s" },
    config: body,
  });
  expect((await running.admin.put("/api/routes/off", { ...body, enabled: true })).status).toBe(200);
  expect(await running.proxied("/off")).toBe("200 pong");
});

test("what stands in the file can be neither replaced, nor removed, nor made again", async () => {
  for (const [method, path] of [
    ["PUT", "/api/routes/written"],
    ["DELETE", "/api/routes/written"],
    ["PUT", "/api/upstreams/shop"],
    ["DELETE", "/api/upstreams/shop"],
  ] as const) {
    const reply = await running.admin.ask(method, path, { body: method === "PUT" ? { url: shop.url } : undefined });
    expect([reply.status, reply.json.code]).toEqual([409, "not_stored"]);
    expect(reply.json.detail).toContain("in the configuration file: change it there");
  }
  const again = await running.admin.post("/api/routes", { name: "written", ...pong("/x") });
  expect([again.status, again.json.code]).toEqual([409, "conflict"]);
  expect(await running.proxied("/written")).toBe("200 shop");
});

test("the same match twice is a conflict, and another path that would be called the same gets a name of its own", async () => {
  const first = await running.admin.post("/api/routes", pong("/a/b"));
  expect(first.status).toBe(201);
  expect((await running.admin.post("/api/routes", pong("/a/b"))).status).toBe(409);
  const alike = await running.admin.post("/api/routes", pong("/a-b", "alike"));
  expect(alike.status).toBe(201);
  expect(alike.json.id).not.toBe(first.json.id);
  expect(await running.proxied("/a-b")).toBe("200 alike");
});

test("a body that is called otherwise than its path, or two ways, is refused", async () => {
  expect((await running.admin.put("/api/routes/one", { id: "two", ...pong("/one") })).status).toBe(422);
  expect((await running.admin.put("/api/routes/one", { name: "two", ...pong("/one") })).status).toBe(422);
  expect((await running.admin.post("/api/routes", { id: "one", name: "two", ...pong("/one") })).status).toBe(422);
  const same = await running.admin.put("/api/routes/one", { id: "one", name: "one", ...pong("/one") });
  expect([same.status, same.json.config]).toEqual([201, pong("/one")]);
});

test("changes at once are taken one after the other, and each is answered for itself", async () => {
  const paths = Array.from({ length: 12 }, (_, i) => `/at-once/${i}`);
  const replies = await Promise.all(paths.map((path) => running.admin.post("/api/routes", pong(path, path))));
  expect(replies.map(({ status }) => status)).toEqual(paths.map(() => 201));
  expect(replies.map(({ json }) => json.path)).toEqual(paths);
  for (const path of paths) expect(await running.proxied(path)).toBe(`200 ${path}`);
});

test("of a change and its removal at once, none is answered with a fault", async () => {
  const asked = Array.from({ length: 20 }, (_, i) =>
    i % 2 === 0 ? running.admin.put("/api/routes/race", pong("/race")) : running.admin.delete("/api/routes/race"),
  );
  const statuses = new Set((await Promise.all(asked)).map(({ status }) => status));
  for (const status of statuses) expect([200, 201, 204, 404]).toContain(status);
});
