import { describe, expect, test } from "bun:test";
import { availableParallelism } from "node:os";
import { resolveEdge } from "../../src/control/config/build-listeners.ts";
import { accepted, errorsOf, warningsOf, withUpstream } from "./config-files.ts";

const firstRoute = async (fields: string) => (await accepted(withUpstream(`routes: [{ ${fields} }]`))).spec.routes[0]!;

describe("what is left out", () => {
  test("has the documented defaults", async () => {
    const { spec, logging } = await accepted(withUpstream("routes: [{ upstream: a }]"));
    expect(spec.listeners).toMatchObject([
      { name: "0.0.0.0:8080", host: "0.0.0.0", port: 8080, tls: [], healthPath: null },
    ]);
    expect(spec.timeouts).toEqual({ headMs: 10_000, bodyIdleMs: 60_000, keepAliveMs: 75_000, streamIdleMs: null });
    expect(spec.limits).toEqual({
      maxConnections: null,
      maxConnectionsPerIp: null,
      maxHeaderBytes: 16_384,
      maxUriBytes: 8192,
      maxBodyBytes: null,
    });
    expect(spec.upstreams[0]).toMatchObject({
      protocol: "http1",
      timeouts: { connectMs: 3000, firstByteMs: 30_000, idleMs: 60_000, totalMs: null },
      limits: { maxConnections: 1024, maxPending: 1024 },
    });
    expect(spec.shutdown).toEqual({ delayMs: 0, drainMs: 8000, retireMs: null });
    expect(spec.accessLog).toEqual({ mode: "sampled", successRate: 0.1, errorRate: 1 });
    expect(spec.workers).toBe(1);
    expect(logging).toEqual({ level: "info", format: "json" });
    expect(spec.routes[0]).toMatchObject({ match: { path: "/*" }, priority: 0, timeoutMs: null });
  });

  test("a section without content is a section left out", async () => {
    expect((await accepted("listeners:\nroutes:\nlimits:\n")).spec.listeners).toHaveLength(1);
  });

  test("disabled routes and endpoints are as if not written", async () => {
    const { spec } =
      await accepted(`upstreams: [{ name: a, endpoints: [{ url: http://h, enabled: false }, { url: http://i }] }]
routes: [{ path: /a, upstream: a }, { path: /b, upstream: gone, enabled: false }]`);
    expect(spec.upstreams[0]!.endpoints.map(({ host }) => host)).toEqual(["i"]);
    expect(spec.routes.map(({ match }) => match.path)).toEqual(["/a"]);
  });
});

describe("units", () => {
  test.each([
    ["500", 500],
    ["100ms", 100],
    ["5s", 5000],
    ["1.5s", 1500],
    ["2m", 120_000],
    ["1h", 3_600_000],
    ['"30000"', 30_000],
  ])("a duration %s is %d ms", async (text, ms) => {
    expect((await accepted(`timeouts: { head: ${text} }`)).spec.timeouts.headMs).toBe(ms);
  });

  test.each([
    ["512", 512],
    ["16kb", 16_384],
    ["10mb", 10_485_760],
    ["10MB", 10_485_760],
    ["1gb", 2 ** 30],
    ["0", 0],
  ])("a size %s is %d bytes", async (text, bytes) => {
    expect((await accepted(`limits: { maxBodySize: ${text} }`)).spec.limits.maxBodyBytes).toBe(bytes);
  });

  test.each(["-1", "5 s s", "1e3s", "0.5", "5w", "''", "true", "[]", ".nan", ".inf", "99999999h"])(
    "%s is no duration",
    async (text) => {
      expect(await errorsOf(`timeouts: { head: ${text} }`)).toHaveLength(1);
    },
  );
});

describe("listeners", () => {
  test("workers: auto is one per core", async () =>
    expect((await accepted("workers: auto")).spec.workers).toBe(availableParallelism()));

  test("edge auto is serve where HTTP/2 or HTTP/3 is on, else what the build says", async () => {
    expect(resolveEdge("auto", { http2: true, http3: false }, "wire")).toBe("serve");
    expect(resolveEdge("auto", { http2: false, http3: false }, "wire")).toBe("wire");
    expect(resolveEdge("serve", { http2: false, http3: false }, "wire")).toBe("serve");
    expect((await accepted("listeners: [{ port: 1 }]", { autoEdge: "wire" })).spec.listeners[0]!.edge).toBe("wire");
  });

  test("listeners on port 0 do not conflict and have names of their own", async () => {
    const { spec } = await accepted("listeners: [{ port: 0 }, { port: 0 }, { port: 0, host: '::' }]");
    expect(new Set(spec.listeners.map(({ name }) => name)).size).toBe(3);
  });
});

describe("upstreams", () => {
  test.each([
    ["http://h", { scheme: "http", host: "h", port: 80, basePath: "" }],
    ["https://H.Example/base/", { scheme: "https", host: "h.example", port: 443, basePath: "/base" }],
    ["http://[::1]:9001", { scheme: "http", host: "::1", port: 9001, basePath: "" }],
    ["unix:/run/app.sock", { scheme: "http", host: "/run/app.sock", port: 0, basePath: "" }],
  ])("%s", async (url, endpoint) => {
    expect((await accepted(`upstreams: [{ name: a, url: "${url}" }]`)).spec.upstreams[0]!.endpoints[0]).toMatchObject(
      endpoint as object,
    );
  });

  test.each([
    ["least-connections", { policy: "least-connections" }],
    ["{ hash: { by: clientIp } }", { policy: "hash", by: { kind: "clientIp" } }],
    ["{ hash: { by: 'header:X-User' } }", { policy: "hash", by: { kind: "header", name: "x-user" } }],
    ["{ hash: { by: 'cookie:sid' } }", { policy: "hash", by: { kind: "cookie", name: "sid" } }],
  ])("balance %s", async (text, balance) => {
    expect(
      (await accepted(`upstreams: [{ name: a, url: http://h, balance: ${text} }]`)).spec.upstreams[0]!.balance,
    ).toEqual(balance as never);
  });
});

describe("routes", () => {
  test("conditions, in the forms of the interface", async () => {
    const { match } = await firstRoute(
      'host: [API.example.com, "*.Example.org"], path: /users/*, methods: [get, POST], headers: { X-Canary: 1, x-any: "*", x-re: { regex: "^v[12]$" } }, query: { V: "2" }, scheme: https, upstream: a',
    );
    expect(match).toEqual({
      hosts: ["api.example.com", "*.example.org"],
      path: "/users/*",
      methods: ["GET", "POST"],
      headers: [
        { name: "x-canary", kind: "equals", value: "1" },
        { name: "x-any", kind: "present" },
        { name: "x-re", kind: "regex", source: "^v[12]$" },
      ],
      query: [{ name: "V", kind: "equals", value: "2" }],
      scheme: "https",
      listeners: [],
    });
  });

  test("split, strip, rewrite, redirect and respond", async () => {
    expect(
      (await firstRoute("split: { by: cookie, targets: [{ upstream: a, weight: 9 }, { upstream: a }] }")).action,
    ).toMatchObject({
      targets: [{ weight: 9 }, { weight: 1 }],
      splitBy: { kind: "cookie" },
    });
    expect((await firstRoute("path: /users/*, stripPath: /users, upstream: a")).action).toMatchObject({
      stripPath: "/users",
    });
    expect((await firstRoute("path: '/u/:id/*', rewritePath: '/v/:id/*', upstream: a")).action).toMatchObject({
      rewritePath: "/v/:id/*",
    });
    expect(
      (await firstRoute('path: /old/*, redirect: { to: "{scheme}://{host}/new{path}", status: 308 }')).action,
    ).toEqual({
      kind: "redirect",
      to: "{scheme}://{host}/new{path}",
      status: 308,
    });
    expect((await firstRoute("path: /ping, respond: { body: pong, headers: { X-A: 1 } }")).action).toEqual({
      kind: "respond",
      status: 200,
      body: "pong",
      headers: [["X-A", "1"]],
    });
  });

  test("where a route stands is told as line and column", async () =>
    expect((await firstRoute("upstream: a")).origin).toBe("file:2:10"));
});

describe("what protects is there, or the configuration is not", () => {
  test("auth: required is the plugin key-auth with security.auth, before every other", async () => {
    const { spec } = await accepted(
      withUpstream(`security: { auth: { header: X-Key, keys: [k1, { name: joe, key: k2 }] } }
plugins: { all: [security-headers] }
routes: [{ upstream: a, auth: required }, { upstream: a, path: /open }]`),
    );
    const named = spec.routes.map(({ plugins }) =>
      plugins.map(({ key }) => spec.plugins.instances.find((instance) => instance.key === key)!.name),
    );
    expect(named).toEqual([["key-auth", "security-headers"], ["security-headers"]]);
    expect(spec.plugins.instances.find(({ name }) => name === "key-auth")).toMatchObject({
      module: "shipped:key-auth",
      config: { header: "X-Key", keys: ["k1", { name: "joe", key: "k2" }] },
    });
  });

  test("auth: required without keys lets nobody in, and warns", async () => {
    const warned = await warningsOf(withUpstream("routes: [{ upstream: a, auth: required }]"));
    expect(warned).toEqual(["routes.0.auth security.auth has no keys: this route answers 401 to everyone"]);
  });

  test.each([
    ["jwt", "name the plugin jwt"],
    ["basic", "name the plugin basic-auth"],
    ["none", "remove auth: required"],
  ])("auth: required does not stand for security.auth.type %s", async (type, hint) => {
    const errors = await errorsOf(
      withUpstream(`security: { auth: { type: ${type} } }\nroutes: [{ upstream: a, auth: required }]`),
    );
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(hint);
  });

  test("an empty allow-list allows nothing", async () =>
    expect((await accepted("security: { allowedHosts: [] }")).spec.allowedHosts).toEqual([]));
});

describe("warnings", () => {
  test("keys of later versions are named, once each", async () => {
    const warned = await warningsOf(
      "admin: { port: 9000 }\nevents: {}\ntracing: {}\nroutes: [{ path: /, respond: {} }]",
    );
    expect(warned.map((warning) => warning.split(" ")[0])).toEqual(["events", "tracing"]);
  });

  test("an upstream outside allowedHosts, a blocked address, an unused upstream, a twin route", async () => {
    const warned = await warningsOf(`security: { allowedHosts: ["*.corp", 10.0.0.1], blockedIPs: [10.0.0.0/8] }
upstreams: [{ name: a, url: http://h.corp }, { name: b, url: http://evil }, { name: c, url: http://10.0.0.1 }, { name: d, url: http://d.corp }]
routes: [{ path: "/:x", upstream: a }, { path: "/:y", upstream: b }, { path: /c, upstream: c }]`);
    expect(warned.length).toBe(4);
    expect(warned.join("\n")).toContain("evil is not in security.allowedHosts");
    expect(warned.join("\n")).toContain("10.0.0.1 is in security.blockedIPs");
    expect(warned.join("\n")).toContain('no route uses the upstream "d"');
    expect(warned.join("\n")).toContain("matches the same requests as routes.0");
  });
});
