import { describe, expect, test } from "bun:test";
import { testPlugin } from "sluice/testing";
import securityHeaders from "../../plugins/security-headers.ts";
import { pageExample } from "./page-example.ts";

interface Asked {
  readonly scheme?: "http" | "https";
  readonly reply?: Record<string, string>;
}

async function headersOf(config: unknown, { scheme = "https", reply = {} }: Asked = {}): Promise<Headers> {
  const t = await testPlugin(securityHeaders, { config, upstream: () => new Response("hi", { headers: reply }) });
  const { headers } = await t.request("/x", { scheme });
  await t.close();
  return headers;
}

describe("security-headers", () => {
  test("says what is safe for nearly everybody, and no more", async () => {
    const headers = await headersOf({}, { reply: { Server: "nginx/1.0", "X-Powered-By": "PHP/5" } });
    expect(headers.get("strict-transport-security")).toBe("max-age=31536000");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("x-frame-options")).toBe("SAMEORIGIN");
    expect(headers.get("referrer-policy")).toBe("strict-origin-when-cross-origin");
    for (const absent of ["server", "x-powered-by", "content-security-policy", "cross-origin-opener-policy"])
      expect(headers.has(absent)).toBe(false);
  });

  test("insists on https over https only", async () => {
    expect((await headersOf({}, { scheme: "http" })).has("strict-transport-security")).toBe(false);
    expect((await headersOf({ hsts: false })).has("strict-transport-security")).toBe(false);
    const hsts = { maxAge: "17520h", includeSubDomains: true, preload: true };
    expect((await headersOf({ hsts })).get("strict-transport-security")).toBe(
      "max-age=63072000; includeSubDomains; preload",
    );
  });

  test("leaves the upstream its own words, unless it is told to override them", async () => {
    const reply = { "X-Frame-Options": "DENY", "Strict-Transport-Security": "max-age=1" };
    const kept = await headersOf({}, { reply });
    expect(kept.get("x-frame-options")).toBe("DENY");
    expect(kept.get("strict-transport-security")).toBe("max-age=1");
    const replaced = await headersOf({ override: true }, { reply });
    expect(replaced.get("x-frame-options")).toBe("SAMEORIGIN");
    expect(replaced.get("strict-transport-security")).toBe("max-age=31536000");
  });

  test("writes policies from maps and from text", async () => {
    const headers = await headersOf({
      contentSecurityPolicy: {
        "default-src": "'self'",
        "img-src": ["'self'", "data:"],
        "upgrade-insecure-requests": "",
      },
      contentSecurityPolicyReportOnly: "default-src 'none'; report-uri /csp",
      permissionsPolicy: { camera: [], geolocation: ["self", "https://maps.example.com"], fullscreen: "*" },
      crossOriginOpenerPolicy: "same-origin",
      crossOriginEmbedderPolicy: "require-corp",
      crossOriginResourcePolicy: "same-site",
      frameOptions: false,
      contentTypeOptions: false,
      referrerPolicy: false,
    });
    expect(headers.get("content-security-policy")).toBe(
      "default-src 'self'; img-src 'self' data:; upgrade-insecure-requests",
    );
    expect(headers.get("content-security-policy-report-only")).toBe("default-src 'none'; report-uri /csp");
    expect(headers.get("permissions-policy")).toBe(
      'camera=(), geolocation=(self "https://maps.example.com"), fullscreen=*',
    );
    expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
    expect(headers.get("cross-origin-embedder-policy")).toBe("require-corp");
    expect(headers.get("cross-origin-resource-policy")).toBe("same-site");
    for (const off of ["x-frame-options", "x-content-type-options", "referrer-policy"])
      expect(headers.has(off)).toBe(false);
  });

  test("protects failures too", async () => {
    const upstream = () => {
      throw new Error("down");
    };
    const t = await testPlugin(securityHeaders, { upstream });
    expect((await t.request("/x")).headers.get("x-content-type-options")).toBe("nosniff");
    await t.close();
  });

  const wrong: Array<[config: unknown, says: string]> = [
    [{ hsts: { preload: true } }, "includeSubDomains"],
    [{ hsts: { preload: true, includeSubDomains: true, maxAge: "1h" } }, "a year"],
    [{ contentSecurityPolicy: "a\nb" }, "one line"],
    [{ contentSecurityPolicy: { "default-src": "a; script-src *" } }, "a directive a key"],
    [{ permissionsPolicy: { camera: ["evil"] } }, "must be self"],
    [{ remove: ["Content-Length"] }, "cannot be taken away"],
    [{ frameOptions: "ALLOW" }, "frameOptions"],
  ];
  for (const [config, says] of wrong)
    test(`refuses ${JSON.stringify(config)} at set-up`, async () => {
      await expect(testPlugin(securityHeaders, { config })).rejects.toThrow(says);
    });

  test("does what security-headers.md says", async () => {
    const headers = await headersOf(pageExample("security-headers"));
    expect(headers.get("strict-transport-security")).toBe("max-age=31536000; includeSubDomains");
    expect(headers.get("content-security-policy")).toBe("default-src 'self'; frame-ancestors 'none'");
    expect(headers.get("permissions-policy")).toBe("camera=(), geolocation=(self)");
    expect(headers.get("x-frame-options")).toBe("DENY");
  });
});
