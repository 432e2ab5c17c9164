import { afterAll, beforeAll, expect, test } from "bun:test";
import { AdminSluice, origin, pong } from "./admin-sluice.ts";

const shop = origin("shop");
let running: AdminSluice;

beforeAll(async () => {
  running = await AdminSluice.start({
    security: { auth: { type: "apiKey", keys: [{ name: "file", key: "a-key-of-the-file" }, "a-key-without-a-name"] } },
    upstreams: [{ name: "shop", url: shop.url }],
    routes: [
      { name: "shop", path: "/shop/*", upstream: "shop", plugins: ["security-headers"] },
      { name: "private", ...pong("/private"), auth: "required" },
    ],
  });
});

afterAll(async () => {
  await running?.[Symbol.asyncDispose]();
  await shop[Symbol.asyncDispose]();
});

test("liveness and readiness have FlexGate's shapes", async () => {
  for (const path of ["/health", "/health/live"]) {
    const { status, json } = await running.admin.get(path);
    expect([status, Object.keys(json), json.status]).toEqual([200, ["status", "timestamp", "version"], "UP"]);
    expect(new Date(json.timestamp).toISOString()).toBe(json.timestamp);
  }
  const ready = await running.admin.get("/health/ready");
  expect([ready.status, ready.json.status]).toEqual([200, "UP"]);
  expect(ready.json.checks).toMatchObject({ config: "UP", database: "UP" });
});

test("readiness says that the configuration file has mistakes, and not which: probes need no token", async () => {
  const config = (await running.admin.get("/api/config")).json.config;
  running.sluice.rewrite("routes: [{ path: /x, nonsense: hidden-value }]\n");
  expect((await running.admin.post("/api/config/reload")).status).toBe(422);
  const down = await running.admin.get("/health/ready");
  expect([down.status, down.json.status, down.json.checks.config]).toEqual([503, "DOWN", "DOWN"]);
  expect(down.text).not.toContain("nonsense");
  running.sluice.rewrite({
    ...config,
    security: { auth: { type: "apiKey", keys: [{ name: "file", key: "a-key-of-the-file" }, "a-key-without-a-name"] } },
  });
  expect((await running.admin.post("/api/config/reload")).status).toBe(200);
  expect((await running.admin.get("/health/ready")).status).toBe(200);
});

test("a key opens a route from the reply that shows it until it is removed", async () => {
  const made = await running.admin.post("/api/keys", { name: "shop & co", scopes: ["read"], expires: "2999-12-31" });
  expect(made.json).toMatchObject({ id: "shop & co", name: "shop & co", scopes: ["read"], expires: "2999-12-31" });
  const asked = { headers: { "X-API-Key": made.json.key } };
  expect(await running.proxied("/private")).toBe("401");
  expect(await running.proxied("/private", asked)).toBe("200 pong");
  const { json } = await running.admin.get("/api/keys");
  expect(json).toMatchObject([
    { id: "file", name: "file", scopes: [], expires: null, origin: "file" },
    { id: "shop & co", name: "shop & co", scopes: ["read"], expires: "2999-12-31", origin: "store" },
  ]);
  expect((await running.admin.delete("/api/keys/shop%20%26%20co")).status).toBe(204);
  expect(await running.proxied("/private", asked)).toBe("401");
  expect((await running.admin.delete("/api/keys/shop%20%26%20co")).status).toBe(404);
});

test("a key is refused in words when its name is taken, or what it asks for is not right", async () => {
  expect((await running.admin.post("/api/keys", { name: "file" })).status).toBe(409);
  expect((await running.admin.delete("/api/keys/file")).json.code).toBe("not_stored");
  expect((await running.admin.post("/api/keys", { name: "twice" })).status).toBe(201);
  expect((await running.admin.post("/api/keys", { name: "twice" })).status).toBe(409);
  for (const body of [
    {},
    { name: "" },
    { name: 7 },
    { name: " x" },
    { name: "x".repeat(101) },
    { name: "${HOME}" },
    { name: "a", scopes: "read" },
    { name: "a", scopes: ["a b"] },
    { name: "a", expires: "2001-01-01" },
    { name: "a", expires: "tomorrow" },
    { name: "a", key: "mine" },
  ]) {
    const reply = await running.admin.post("/api/keys", body);
    expect([body, reply.status, reply.json.code]).toEqual([body, 422, "invalid_request"]);
  }
});

test("explain says which route takes a request, with what is stored", async () => {
  expect((await running.admin.put("/api/routes/deep", pong("/shop/deep"))).status).toBe(201);
  const found = await running.admin.get("/api/explain?method=GET&url=http://a.example/shop/deep&header=x:y");
  expect([found.status, found.json.route, found.json.action]).toEqual([200, "deep", "respond: 200"]);
  const verdicts = found.json.routes.map(({ id, outcome }: { id: string; outcome: string }) => [id, outcome]);
  expect(verdicts).toContainEqual(["shop", "loses"]);
  expect((await running.admin.get("/api/explain?url=/nowhere")).json).toMatchObject({ route: null });
  for (const query of ["", "url=", "url=ftp://x/", "url=/x&header=nonsense", "url=http://a b/", "url=http://%00/"]) {
    const reply = await running.admin.get(`/api/explain?${query}`);
    expect([query, reply.status, reply.json.code]).toEqual([query, 400, "bad_request"]);
  }
});

test("a configuration is checked in the place of the file, and nothing changes", async () => {
  const good = `routes: [{ path: /checked, respond: { body: x } }]\nlisteners: [{ port: 1234 }]\n`;
  expect((await running.admin.post("/api/config/check", good)).json).toMatchObject({ ok: true, errors: [] });
  const bad = await running.admin.post("/api/config/check", "routes:\n  - { path: /x, upstrem: y }\n");
  expect([bad.status, bad.json.ok]).toEqual([200, false]);
  const unknown = bad.json.errors.find((error: { path: string }) => error.path === "routes.0.upstrem");
  expect([unknown.line, unknown.column > 0, unknown.message]).toEqual([2, true, 'unknown key "upstrem"']);
  for (const text of ["", "   \n"]) expect((await running.admin.post("/api/config/check", text)).status).toBe(400);
  for (const text of ["\u0000", "a: *b", "[1", "- x", "&a [*a]", "!!js/function x"])
    expect((await running.admin.post("/api/config/check", text)).json.ok).toBe(false);
  expect(await running.proxied("/checked")).toBe("404");
});

test("plugins are listed, and one that is not there can be neither reloaded nor reset", async () => {
  const { json } = await running.admin.get("/api/plugins");
  const plugin = json.find((one: { name: string }) => one.name === "security-headers");
  expect(plugin).toMatchObject({ file: null, error: null });
  expect((await running.admin.post("/api/plugins/security-headers/reload")).json).toMatchObject({ applied: false });
  expect((await running.admin.post("/api/plugins/security-headers/reset")).status).toBe(204);
  for (const what of ["reload", "reset"])
    expect((await running.admin.post(`/api/plugins/nobody/${what}`)).json.code).toBe("not_found");
});

test("a store that is away refuses changes with a reason, and traffic goes on as it was", async () => {
  const { unlinkSync, readdirSync } = await import("node:fs");
  const { dirname, join } = await import("node:path");
  const folder = join(dirname(running.sluice.file), "data");
  for (const name of readdirSync(folder)) unlinkSync(join(folder, name));
  const lost = await running.admin.put("/api/routes/lost", pong("/lost"));
  expect([lost.status, lost.json.code]).toEqual([503, "store_unavailable"]);
  expect(lost.json.detail).toContain("restart Sluice");
  expect(await running.proxied("/lost")).toBe("404");
  expect((await running.admin.get("/api/routes/lost")).status).toBe(404);
  expect(await running.proxied("/shop/x")).toBe("200 shop");
});
