import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Guard, isLoopback } from "../../src/control/admin/guard.ts";
import { AdminClient } from "./admin-client.ts";
import { AdminSluice, pong, READ_ONLY, TOKEN } from "./admin-sluice.ts";

describe("with tokens", () => {
  let running: AdminSluice;

  beforeAll(async () => {
    running = await AdminSluice.start({ routes: [pong("/")] }, { token: TOKEN, readOnlyToken: READ_ONLY });
  });

  afterAll(() => running?.[Symbol.asyncDispose]());

  test("whoever has the token may read and change", async () => {
    expect((await running.admin.get("/api/routes")).status).toBe(200);
    expect((await running.admin.put("/api/routes/a", pong("/a"))).status).toBe(201);
  });

  test("whoever has none, or another one, is asked for it, and learns nothing", async () => {
    for (const token of [null, "", "x", TOKEN.slice(0, -1), `${TOKEN}x`, TOKEN.toUpperCase(), "*", "undefined"])
      for (const path of ["/api/routes", "/api/config", "/metrics", "/api/v1/services", "/nowhere"]) {
        const reply = await running.admin.get(path, { token });
        expect([reply.status, reply.json.code]).toEqual([401, "unauthorized"]);
        expect(reply.headers.get("www-authenticate")).toBe('Bearer realm="sluice"');
      }
    for (const sent of [`Basic ${btoa(`admin:${TOKEN}`)}`, TOKEN, `Bearer  ${TOKEN} x`, `Bearer${TOKEN}`]) {
      const reply = await running.admin.get("/api/routes", { token: null, headers: { Authorization: sent } });
      expect(reply.status).toBe(401);
    }
  });

  test("whoever has the read-only token reads everything and changes nothing", async () => {
    const reader = new AdminClient(running.admin.port, READ_ONLY);
    for (const path of ["/api/routes", "/api/config", "/api/audit", "/api/keys", "/api/endpoints"])
      expect((await reader.get(path)).status).toBe(200);
    for (const [method, path] of [
      ["POST", "/api/routes"],
      ["PUT", "/api/routes/a"],
      ["DELETE", "/api/routes/a"],
      ["POST", "/api/keys"],
      ["POST", "/api/config/reload"],
      ["POST", "/api/config/check"],
      ["POST", "/api/v1/services/register"],
      ["POST", "/api/plugins/x/reset"],
      ["PATCH", "/nowhere"],
    ] as const) {
      const reply = await reader.ask(method, path, { body: pong("/b") });
      expect([reply.status, reply.json.code]).toEqual([403, "forbidden"]);
    }
    expect(await running.proxied("/b")).toBe("404");
  });

  test("probes and the documentation ask for no token, and nothing else is open", async () => {
    const stranger = new AdminClient(running.admin.port);
    for (const path of ["/health", "/health/live", "/health/ready", "/docs", "/docs/json", "/docs/swagger-ui.css"])
      expect((await stranger.get(path)).status).toBe(200);
    for (const path of ["/docs/a/b", "/docs/x/../../api/config", "/health/x", "/healthz"])
      expect((await stranger.get(path)).status).toBe(401);
    expect((await stranger.post("/health", {})).status).toBe(401);
  });

  test("what a client calls us does not move the beginning of the path", async () => {
    // A router that looks for the path behind a host of three letters took this for /api/config; the guard saw /docs.
    for (const host of ["a", "ab", "abc", "a:1", "", "[", "a b", "x/docs?", "u:p@x"])
      for (const path of ["/docs/api/config", "/docs/../api/config", "/docs/%2e%2e/api/config", "//docs/api/config"]) {
        const reply = await running.admin.raw(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
        expect(reply).toMatch(/^HTTP\/1\.1 (400|401|404) /);
        expect(reply).not.toContain("listeners");
      }
  });

  test("a short name for us is as good as a long one", async () => {
    const as = (host: string) =>
      running.admin.raw(`GET /health/live HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    for (const host of ["a", "a:1", "sluice.internal.example"]) expect(await as(host)).toContain('"status":"UP"');
  });

  test("a probe that speaks HTTP/1.0 and sends no Host is answered", async () => {
    expect(await running.admin.raw("GET /health/live HTTP/1.0\r\n\r\n")).toContain('"status":"UP"');
  });

  test("another site's page may not write, not even with the token", async () => {
    const strangers: Array<Record<string, string>> = [
      { Origin: "https://evil.example" },
      { Origin: "null" },
      { Origin: `http://127.0.0.1:${running.admin.port + 1}` },
      { "Sec-Fetch-Site": "cross-site" },
      { "Sec-Fetch-Site": "same-site" },
    ];
    for (const headers of strangers)
      expect((await running.admin.post("/api/routes", pong("/c"), { headers })).status).toBe(403);
    const own = { Origin: running.admin.url, "Sec-Fetch-Site": "same-origin" };
    expect((await running.admin.post("/api/routes", pong("/c"), { headers: own })).status).toBe(201);
  });

  test("no reply allows another site to read it, or a browser to guess what it is", async () => {
    for (const path of ["/health", "/api/routes", "/docs", "/docs/start.js", "/nowhere"]) {
      const { headers } = await running.admin.get(path, { headers: { Origin: "https://evil.example" } });
      expect(headers.get("access-control-allow-origin")).toBeNull();
      expect(headers.get("x-content-type-options")).toBe("nosniff");
    }
    expect((await running.admin.get("/api/config")).headers.get("cache-control")).toBe("no-store");
    expect((await running.admin.get("/docs")).headers.get("content-security-policy")).toContain(
      "frame-ancestors 'none'",
    );
  });
});

describe("on loopback without a token", () => {
  let running: AdminSluice;

  beforeAll(async () => {
    running = await AdminSluice.start({ routes: [pong("/")] });
  });

  afterAll(() => running?.[Symbol.asyncDispose]());

  async function asHost(host: string, path = "/api/routes"): Promise<string> {
    const reply = await running.admin.raw(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    return reply.slice(9, 12);
  }

  test("a name that leads here and is not this machine's is not answered: a page may have made it", async () => {
    const { port } = running.admin;
    for (const host of [
      `localhost:${port}`,
      `127.0.0.1:${port}`,
      "LOCALHOST",
      "localhost.",
      "[::1]",
      "sluice.localhost",
    ])
      expect([host, await asHost(host)]).toEqual([host, "200"]);
    for (const host of [
      "evil.example",
      `evil.example:${port}`,
      "127.0.0.1.evil.example",
      "localhost.evil.example",
      "evil-localhost",
      "10.0.0.1",
      "0.0.0.0",
      "[::ffff:10.0.0.1]",
      "localhost, evil.example",
      "localhost@evil.example",
      "",
    ])
      expect([host, (await asHost(host)) === "200"]).toEqual([host, false]);
    expect(await asHost("evil.example", "/health")).toBe("421");
  });

  test("a page of another site may neither read nor write", async () => {
    for (const origin of ["https://evil.example", "null", "http://localhost:1", "file://", "garbage"]) {
      const headers = { Origin: origin };
      expect((await running.admin.post("/api/routes", pong("/x"), { headers })).status).toBe(403);
      expect((await running.admin.get("/api/routes", { headers })).status).toBe(403);
    }
    // What a form can send, which browsers ask nobody about.
    const form = { Origin: "https://evil.example", "Content-Type": "text/plain" };
    expect((await running.admin.post("/api/config/reload", "x", { headers: form })).status).toBe(403);
    expect(await running.proxied("/x")).toBe("404");
    expect(
      (await running.admin.post("/api/routes", pong("/x"), { headers: { Origin: running.admin.url } })).status,
    ).toBe(201);
  });

  test("what came through a proxy, our own included, is not from this machine", async () => {
    for (const name of ["Via", "Forwarded", "X-Forwarded-For"]) {
      const reply = await running.admin.get("/api/config", { headers: { [name]: "1.1 nginx" } });
      expect([reply.status, reply.json.detail]).toEqual([403, expect.stringContaining("set admin.token")]);
    }
    const self = { path: "/self/*", stripPath: "/self", upstream: running.admin.url };
    await running.admin.put("/api/routes/self", self);
    for (const host of ["localhost", "127.0.0.1", "evil.example"]) {
      const reply = await fetch(`${running.sluice.url}/self/api/config`, { headers: { Host: host } });
      expect(reply.status).toBeGreaterThanOrEqual(403);
      expect(await reply.text()).not.toContain("listeners");
    }
  });

  test("containers are managed with a token only", async () => {
    for (const path of ["/api/v1/containers", "/api/v1/containers/x/stop"]) {
      const reply = await running.admin.ask("POST", path);
      expect([reply.status, reply.json.code]).toEqual([403, "forbidden"]);
      expect(reply.json.detail).toContain("admin.token");
    }
  });
});

test("every token is compared by its digest, whatever was given", () => {
  const guard = new Guard({ host: "127.0.0.1", token: "a".repeat(40), readOnlyToken: "b" });
  const asked = (authorization: string | null) => {
    const header = (name: string) => (name === "authorization" ? authorization : null);
    return guard.check({ method: "GET", path: "/api/routes", header });
  };
  expect(asked(`Bearer ${"a".repeat(40)}`)).toEqual({ ok: true, role: "admin" });
  expect(asked("bearer b")).toEqual({ ok: true, role: "reader" });
  for (const wrong of [null, "", "Bearer", "Bearer ", "Bearer a", `Bearer ${"a".repeat(100_000)}`, "Bearer b c"])
    expect(asked(wrong)).toMatchObject({ ok: false, status: 401 });
});

test("an empty token authenticates nobody", () => {
  const guard = new Guard({ host: "0.0.0.0", token: "secret", readOnlyToken: "" });
  const header = (name: string) => (name === "authorization" ? "Bearer " : null);
  expect(guard.check({ method: "GET", path: "/api/routes", header })).toMatchObject({ ok: false, status: 401 });
});

test("loopback is what nobody else can use", () => {
  for (const host of ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "::1", "0:0:0:0:0:0:0:1"])
    expect([host, isLoopback(host)]).toEqual([host, true]);
  for (const host of [
    "",
    "0.0.0.0",
    "::",
    "10.0.0.1",
    "127.0.0.1.example",
    "1.127.0.0",
    "::2",
    "1::1",
    "127.1",
    "example",
  ])
    expect([host, isLoopback(host)]).toEqual([host, false]);
});
