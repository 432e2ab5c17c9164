import { afterAll, beforeAll, expect, test } from "bun:test";
import { AdminSluice, pong, READ_ONLY, TOKEN } from "./admin-sluice.ts";

const WORDS = ["hidden-word-one", "hidden-word-two", "hidden-word-three", "hidden-word-four", "hidden-file-key"];
/** Its keys are people's names: only the plugin knows that what stands there is secret. */
const locked = (word: string) => [{ use: "basic-auth", with: { users: { alice: word } } }];

let running: AdminSluice;

beforeAll(async () => {
  running = await AdminSluice.start(
    {
      security: { auth: { type: "apiKey", keys: [{ name: "file", key: "hidden-file-key" }] } },
      routes: [{ name: "written", ...pong("/written"), plugins: locked("hidden-word-four") }],
    },
    { token: TOKEN, readOnlyToken: READ_ONLY },
  );
});

afterAll(() => running?.[Symbol.asyncDispose]());

/** What every GET says, and what was written to the log. */
async function everything(): Promise<string> {
  const paths = [
    "/api/routes",
    "/api/routes/locked",
    "/api/routes/off",
    "/api/routes/unused",
    "/api/routes/written",
    "/api/upstreams",
    "/api/endpoints",
    "/api/keys",
    "/api/audit",
    "/api/logs",
    "/api/workers",
    "/api/config",
    "/api/plugins",
    "/api/explain?url=/locked",
    "/health/ready",
    "/docs/json",
  ];
  const replies = await Promise.all(paths.map((path) => running.admin.get(path)));
  expect(replies.map(({ status }) => status)).toEqual(paths.map(() => 200));
  return replies.map(({ text }) => text).join("\n") + running.sluice.process.output;
}

test("what a plugin calls secret is in no reply and in no log, switched on or off", async () => {
  const made = [
    await running.admin.put("/api/routes/locked", { ...pong("/locked"), plugins: locked(WORDS[0]!) }),
    await running.admin.put("/api/routes/off", { ...pong("/off"), enabled: false, plugins: locked(WORDS[1]!) }),
    await running.admin.put("/api/routes/unused", {
      ...pong("/unused"),
      plugins: [{ ...locked(WORDS[2]!)[0], enabled: false }],
    }),
  ];
  expect(made.map(({ status }) => status)).toEqual([201, 201, 201]);
  expect(made[0]!.json.config.plugins).toEqual(locked("***"));
  const config = (await running.admin.get("/api/config")).text;
  // The rest of the effective configuration is src/control/config's to mask.
  const said = (await everything()).replace(config, "") + made.map(({ text }) => text).join("\n");
  for (const word of [...WORDS, TOKEN, READ_ONLY]) expect(said).not.toContain(word);
  for (const word of [WORDS[0]!, WORDS[3]!, "hidden-file-key", TOKEN, READ_ONLY]) expect(config).not.toContain(word);
});

test("it works although it is not shown", async () => {
  const as = (word: string) => ({ headers: { Authorization: `Basic ${btoa(`alice:${word}`)}` } });
  expect(await running.proxied("/locked", as(WORDS[0]!))).toBe("200 pong");
  expect(await running.proxied("/locked", as("***"))).toBe("401");
});

test("what was shown cannot be sent back with its mask, and can with the secret", async () => {
  const { config } = (await running.admin.get("/api/routes/locked")).json;
  const back = await running.admin.put("/api/routes/locked", config);
  expect([back.status, back.json.detail]).toEqual([
    422,
    '"***" is how secrets are shown, not a secret: send the real one',
  ]);
  const upstream = { url: "http://***@127.0.0.1:1" };
  expect((await running.admin.put("/api/upstreams/masked", upstream)).json.detail).toContain('"***"');
  const whole = JSON.parse(JSON.stringify(config).replace("***", WORDS[0]!));
  expect((await running.admin.put("/api/routes/locked", whole)).status).toBe(200);
});

test("what holds no secret goes round as it was written, words that sound like one included", async () => {
  const upstream = {
    endpoints: [{ url: "http://127.0.0.1:9", weight: "2" }],
    sticky: { cookie: "session" },
    timeouts: { connect: "1s", idle: 5000 },
    balance: { hash: { by: "header:X-Api-Key" } },
  };
  expect((await running.admin.put("/api/upstreams/round", upstream)).json.errors).toBeUndefined();
  const route = {
    path: "/round",
    upstream: "round",
    rateLimit: { requests: 5, window: "1m", by: ["clientIp"] },
    maxBodySize: "2mb",
  };
  expect((await running.admin.put("/api/routes/round", route)).status).toBe(201);
  for (const [path, given] of [
    ["/api/upstreams/round", upstream],
    ["/api/routes/round", route],
  ] as const) {
    const shown = (await running.admin.get(path)).json.config;
    expect(shown).toEqual(given);
    expect((await running.admin.put(path, shown)).status).toBe(200);
  }
});

test("a mistake beside a secret does not tell the secret", async () => {
  const reply = await running.admin.put("/api/routes/wrong", {
    ...pong("/wrong"),
    plugins: [{ use: "basic-auth", with: { users: { alice: { "hidden-word-five": 1 } }, realm: 7 } }],
  });
  expect(reply.status).toBe(422);
  expect(reply.text).not.toContain("hidden-word-five");
});

test("an API key is shown once, and its hash never", async () => {
  const made = await running.admin.post("/api/keys", { name: "once" });
  expect(made.status).toBe(201);
  expect(made.json.key).toMatch(/^slk_/);
  const said = await everything();
  expect(said).not.toContain(made.json.key);
  expect(said).not.toContain("hmac-sha256");
});

test("every change has an audit line with who made it, and which keys it changed", async () => {
  await running.admin.put("/api/routes/told", pong("/told"));
  await running.admin.put("/api/routes/told", { ...pong("/told"), methods: ["GET"] });
  await running.admin.delete("/api/routes/told");
  await running.admin.post("/api/keys", { name: "told", scopes: ["read"], expires: "2999-01-01" });
  await running.admin.delete("/api/keys/told");
  await running.admin.put("/api/upstreams/told", { url: "http://127.0.0.1:9" });
  await running.admin.put("/api/routes/uses", { path: "/uses", upstream: "told" });
  const { json: endpoints } = await running.admin.get("/api/endpoints");
  const { id } = endpoints.find((one: { upstream: string }) => one.upstream === "told");
  await running.admin.put(`/api/endpoints/${id}`, { draining: true });
  await running.admin.post("/api/config/reload");
  await running.admin.post("/api/plugins/basic-auth/reload");
  const { json } = await running.admin.get("/api/audit?pageSize=10");
  const lines = json.entries.map((line: Record<string, unknown>) => [line.action, line.target, line.detail]);
  expect(lines.toReversed()).toEqual([
    ["route.create", "told", { changed: ["path", "respond"] }],
    ["route.update", "told", { changed: ["methods"] }],
    ["route.delete", "told", {}],
    ["key.create", "told", { name: "told", scopes: ["read"], expires: "2999-01-01" }],
    ["key.delete", "told", {}],
    ["upstream.create", "told", { changed: ["url"] }],
    ["route.create", "uses", { changed: ["path", "upstream"] }],
    ["endpoint.order", id, { weight: null, draining: true }],
    ["config.reload", "config", { outcome: "unchanged" }],
    ["plugin.reload", "basic-auth", { outcome: "unchanged" }],
  ]);
  for (const line of json.entries) expect(line.actor).toBe("admin at 127.0.0.1");
});

test("the audit log comes in pages, newest first, and in FlexGate's shape too", async () => {
  const first = (await running.admin.get("/api/audit?page=1&pageSize=2")).json;
  const second = (await running.admin.get("/api/audit?page=2&pageSize=2")).json;
  const ids = [...first.entries, ...second.entries].map(({ id }) => id);
  expect(ids).toEqual(Array.from({ length: 4 }, (_, i) => first.total - i));
  const { json } = await running.admin.get("/api/logs?pageSize=1");
  expect(json).toEqual({
    logs: [
      {
        id: String(first.total),
        timestamp: new Date(first.entries[0].at).toISOString(),
        level: "info",
        message: "plugin.reload basic-auth",
        metadata: { actor: "admin at 127.0.0.1", action: "plugin.reload", target: "basic-auth", outcome: "unchanged" },
      },
    ],
    total: first.total,
    page: 1,
    pageSize: 1,
  });
  for (const query of ["page=0", "page=x", "page=-1", "pageSize=501", "page=1e3", "page=", "page=99999999999"])
    expect([query, (await running.admin.get(`/api/audit?${query}`)).status]).toEqual([query, 400]);
  expect((await running.admin.get("/api/audit?page=1000000&pageSize=500")).json.entries).toEqual([]);
});
