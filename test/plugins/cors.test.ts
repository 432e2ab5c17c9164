import { describe, expect, test } from "bun:test";
import { testPlugin } from "sluice/testing";
import cors from "../../plugins/cors.ts";
import { pageExample } from "./page-example.ts";

const APP = "https://app.example.com";

async function withCors(config: unknown, upstream: (request: Request) => Response = () => new Response("hi")) {
  return testPlugin(cors, { config, upstream });
}

const preflight = (origin: string, headers: Record<string, string> = {}) => ({
  method: "OPTIONS",
  headers: { Origin: origin, "Access-Control-Request-Method": "PUT", ...headers },
});

const allowed = (reply: Response) => reply.headers.get("access-control-allow-origin");
const vary = (reply: Response) => (reply.headers.get("vary") ?? "").toLowerCase().split(/\s*,\s*/);

describe("cors", () => {
  test("answers a preflight itself and asks no upstream", async () => {
    const t = await withCors({ origins: [APP], maxAge: 600_000, credentials: true });
    const reply = await t.request("/x", preflight(APP, { "Access-Control-Request-Headers": "X-A, content-type, b@d" }));
    expect(reply.status).toBe(204);
    expect(allowed(reply)).toBe(APP);
    expect(reply.headers.get("access-control-allow-credentials")).toBe("true");
    expect(reply.headers.get("access-control-allow-methods")).toBe("GET, HEAD, POST, PUT, PATCH, DELETE");
    expect(reply.headers.get("access-control-allow-headers")).toBe("X-A, content-type");
    expect(reply.headers.get("access-control-max-age")).toBe("600");
    expect(vary(reply)).toEqual(expect.arrayContaining(["origin", "access-control-request-headers"]));
    expect(t.upstream.requests).toHaveLength(0);
    await t.close();
  });

  test("gives a stranger's preflight no permission", async () => {
    const t = await withCors({ origins: [APP] });
    const reply = await t.request("/x", preflight("https://evil.example"));
    expect(reply.status).toBe(204);
    expect(allowed(reply)).toBeNull();
    expect(reply.headers.get("access-control-allow-methods")).toBeNull();
    expect(vary(reply)).toContain("origin");
    await t.close();
  });

  test("lists the configured headers whatever is asked for", async () => {
    const t = await withCors({ origins: [APP], allowedHeaders: ["X-Token"], methods: ["GET"] });
    const reply = await t.request("/x", preflight(APP, { "Access-Control-Request-Headers": "x-other" }));
    expect(reply.headers.get("access-control-allow-headers")).toBe("X-Token");
    expect(reply.headers.get("access-control-allow-methods")).toBe("GET");
    await t.close();
  });

  test("speaks of private networks only where it may and is asked", async () => {
    const asked = preflight(APP, { "Access-Control-Request-Private-Network": "true" });
    const name = "access-control-allow-private-network";
    const on = await withCors({ origins: [APP], privateNetwork: true });
    expect((await on.request("/x", asked)).headers.get(name)).toBe("true");
    expect((await on.request("/x", preflight(APP))).headers.get(name)).toBeNull();
    const off = await withCors({ origins: [APP] });
    expect((await off.request("/x", asked)).headers.get(name)).toBeNull();
    await on.close();
    await off.close();
  });

  test("takes an OPTIONS that is no preflight to the upstream", async () => {
    const t = await withCors({ origins: [APP] });
    const reply = await t.request("/x", { method: "OPTIONS", headers: { Origin: APP } });
    expect(reply.status).toBe(200);
    expect(t.upstream.requests).toHaveLength(1);
    await t.close();
  });

  test("replaces what the upstream says of origins and keeps its Vary", async () => {
    const headers = {
      "Access-Control-Allow-Origin": "*",
      "Access-Control-Allow-Credentials": "true",
      "Access-Control-Expose-Headers": "X-Old",
      Vary: "Accept-Language",
    };
    const t = await withCors({ origins: [APP], exposedHeaders: ["X-Total"] }, () => new Response("hi", { headers }));
    const reply = await t.request("/x", { headers: { Origin: APP } });
    expect(allowed(reply)).toBe(APP);
    expect(reply.headers.get("access-control-allow-credentials")).toBeNull();
    expect(reply.headers.get("access-control-expose-headers")).toBe("X-Total");
    expect(vary(reply)).toEqual(["accept-language", "origin"]);
    const stranger = await t.request("/x", { headers: { Origin: "https://evil.example" } });
    expect(allowed(stranger)).toBeNull();
    expect(await stranger.text()).toBe("hi");
    await t.close();
  });

  test("changes nothing but Vary where no page asks", async () => {
    const t = await withCors({ origins: ["*"] }, () => new Response("hi", { headers: { Vary: "origin" } }));
    const reply = await t.request("/x");
    expect(allowed(reply)).toBeNull();
    expect(vary(reply)).toEqual(["origin"]);
    await t.close();
  });

  test("lets pages read failures too", async () => {
    const t = await withCors({ origins: [APP] }, () => {
      throw new Error("down");
    });
    const reply = await t.request("/x", { headers: { Origin: APP } });
    expect(reply.status).toBeGreaterThanOrEqual(500);
    expect(allowed(reply)).toBe(APP);
    await t.close();
  });

  test("answers preflights that no route takes, and leaves other requests their 404", async () => {
    const t = await testPlugin(cors, { config: { origins: [APP] }, route: { path: "/only" } });
    const reply = await t.request("/other", preflight(APP));
    expect(reply.status).toBe(204);
    expect(allowed(reply)).toBe(APP);
    const missing = await t.request("/other", { headers: { Origin: APP } });
    expect(missing.status).toBe(404);
    expect(allowed(missing)).toBe(APP);
    await t.close();
  });

  test("leaves preflights to the upstream where it is told to, and corrects its answer", async () => {
    const t = await withCors(
      { origins: [APP], preflight: "forward" },
      () => new Response(null, { status: 200, headers: { "Access-Control-Allow-Methods": "TRACE" } }),
    );
    const reply = await t.request("/x", preflight(APP));
    expect(t.upstream.requests).toHaveLength(1);
    expect(reply.headers.get("access-control-allow-methods")).toContain("PUT");
    expect(allowed(reply)).toBe(APP);
    await t.close();
  });
});

describe("cors origins", () => {
  const cases: Array<[origins: unknown[], origin: string, allows: boolean]> = [
    [["*"], "https://any.example", true],
    [["https://app.example.com"], "https://APP.example.com", true],
    [["https://app.example.com"], "https://app.example.com.evil.io", false],
    [["https://app.example.com"], "http://app.example.com", false],
    [["https://app.example.com:443"], "https://app.example.com", true],
    [["https://app.example.com"], "https://app.example.com:8443", false],
    [["https://*.example.com"], "https://a.b.example.com", true],
    [["https://*.example.com"], "https://example.com", false],
    [["https://*.example.com"], "https://evilexample.com", false],
    [["https://*.example.com"], "https://evil.io/.example.com", false],
    [["https://*.example.com"], "https://evil.io, https://a.example.com", false],
    [["https://*.example.com:8443"], "https://a.example.com:8443", true],
    [["https://*.example.com"], "null", false],
    [["null"], "null", true],
    [[{ regex: "https://pr-\\d+\\.example\\.com" }], "https://pr-7.example.com", true],
    [[{ regex: "https://pr-\\d+\\.example\\.com" }], "https://pr-7.example.com.evil.io", false],
    [[{ regex: ".*" }], "https://a.example, https://b.example", false],
  ];
  for (const [origins, origin, allows] of cases) {
    test(`${JSON.stringify(origins)} ${allows ? "allow" : "refuse"} ${origin}`, async () => {
      const t = await withCors({ origins });
      const reply = await t.request("/x", { headers: { Origin: origin } });
      expect(allowed(reply) !== null).toBe(allows);
      await t.close();
    });
  }

  test("repeat the page's origin as it came", async () => {
    const t = await withCors({ origins: ["https://*.example.com"] });
    expect(allowed(await t.request("/x", { headers: { Origin: "https://a.example.com" } }))).toBe(
      "https://a.example.com",
    );
    await t.close();
  });
});

describe("cors refuses at set-up", () => {
  const wrong: Array<[config: unknown, says: string]> = [
    [{ origins: ["*"], credentials: true }, "cannot go with credentials"],
    [{ origins: ["null"], credentials: true }, "sandboxed frame"],
    [{ origins: [APP], credentials: true, allowedHeaders: ["*"] }, "by name"],
    [{ origins: ["app.example.com"] }, "is no origin"],
    [{ origins: ["https://app.example.com/path"] }, "is no origin"],
    [{ origins: ["https://*"] }, "is no origin"],
    [{ origins: [{ regex: "(" }] }, "regular expression"],
    [{ origins: [APP], methods: ["G T"] }, "no method or header name"],
  ];
  for (const [config, says] of wrong)
    test(JSON.stringify(config), async () => expect(withCors(config)).rejects.toThrow(says));
});

describe("the example of cors.md", () => {
  test("lets the app and previews in, with cookies", async () => {
    const t = await withCors(pageExample("cors"));
    expect(allowed(await t.request("/api/x", { headers: { Origin: APP } }))).toBe(APP);
    const reply = await t.request("/api/x", preflight("https://pr-12.preview.example.com"));
    expect(reply.headers.get("access-control-allow-credentials")).toBe("true");
    expect(reply.headers.get("access-control-max-age")).toBe("600");
    expect(allowed(await t.request("/api/x", { headers: { Origin: "https://example.com" } }))).toBeNull();
    await t.close();
  });
});
