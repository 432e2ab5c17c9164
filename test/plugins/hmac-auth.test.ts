import { describe, expect, test } from "bun:test";
import { createHash, createHmac } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { testPlugin } from "sluice/testing";
import hmacAuth from "../../plugins/hmac-auth.ts";
import { ROOT } from "../kit/sluice.ts";
import { pageExample } from "./page-example.ts";

const KEY = { id: "shop", secret: "a-secret-of-enough-length" };
const CONFIG = { keys: [KEY] };

interface Signing {
  readonly method?: string;
  readonly target?: string;
  readonly host?: string;
  readonly timestamp?: string;
  readonly nonce?: string;
  readonly digest?: string;
  readonly key?: { id: string; secret: string };
  readonly extra?: readonly string[];
}

let nonces = 0;
const seconds = (offset = 0) => String(Math.floor(Date.now() / 1000) + offset);
const digestOf = (body: string, algorithm = "256") =>
  `sha-${algorithm}=:${createHash(`sha${algorithm}`).update(body).digest("base64")}:`;

/** Written from the page, not from the plugin. */
function signed(by: Signing = {}): { method: string; headers: Record<string, string> } {
  const {
    method = "GET",
    target = "/",
    host = "localhost",
    timestamp = seconds(),
    digest = "",
    key = KEY,
    extra = [],
  } = by;
  const nonce = by.nonce ?? `nonce-number-${String(++nonces).padStart(8, "0")}`;
  const text = ["sluice-hmac-v1", key.id, method, host, target, timestamp, nonce, digest, ...extra].join("\n");
  const signature = createHmac("sha256", key.secret).update(text).digest("base64");
  const Authorization = `HMAC-SHA256 keyId="${key.id}", nonce="${nonce}", signature="${signature}"`;
  return {
    method,
    headers: { Authorization, "X-Timestamp": timestamp, ...(digest === "" ? {} : { "Content-Digest": digest }) },
  };
}

describe("hmac-auth", () => {
  test("lets a signed request in, says who signed, and hides the signature", async () => {
    await using t = await testPlugin(hmacAuth, { config: CONFIG });
    const target = "/a%2Fb?x=1&y=%20";
    expect((await t.request(target, signed({ method: "DELETE", target }))).status).toBe(200);
    const [seen] = t.upstream.requests;
    expect([
      seen!.headers.get("x-auth-id"),
      seen!.headers.get("x-auth-by"),
      seen!.headers.get("authorization"),
    ]).toEqual(["shop", "hmac-auth", null]);
  });

  test("leaves the port of the host out, and its case", async () => {
    await using t = await testPlugin(hmacAuth, { config: CONFIG });
    expect(
      (await t.request("/", { ...signed({ host: "api.example.com" }), host: "API.example.com:8443" })).status,
    ).toBe(200);
  });

  test("refuses a request of which anything was changed", async () => {
    await using t = await testPlugin(hmacAuth, { config: CONFIG });
    const status = async (by: Signing, change: object, target = "/") =>
      (await t.request(target, { ...signed(by), ...change })).status;
    expect(await status({}, {})).toBe(200);
    expect(await status({}, {}, "/?")).toBe(401);
    expect(await status({}, { method: "POST" })).toBe(401);
    expect(await status({}, { host: "other" })).toBe(401);
    expect(await status({ key: { id: "shop", secret: "another-secret-of-length" } }, {})).toBe(401);
    expect(await status({ key: { id: "nobody", secret: KEY.secret } }, {})).toBe(401);
    const { headers } = signed();
    expect(await status({}, { headers: { ...headers, "X-Timestamp": seconds(1) } })).toBe(401);
    expect(
      await status(
        {},
        { headers: { ...headers, Authorization: headers["Authorization"]!.replace("nonce-", "other-") } },
      ),
    ).toBe(401);
    expect(await status({}, { headers: { ...headers, "Content-Digest": digestOf("") } })).toBe(401);
  });

  test("refuses what is no signature, with a challenge", async () => {
    await using t = await testPlugin(hmacAuth, { config: CONFIG });
    const fields = [
      "",
      "HMAC-SHA256",
      "HMAC-SHA256 x",
      "Basic YTpi",
      'HMAC-SHA256 keyId="shop", nonce="0123456789abcdef"',
      'HMAC-SHA256 keyId="shop", keyId="shop"',
      'HMAC-SHA256 keyId="shop", nonce="0123456789abcdef", signature="AAAA"',
    ];
    for (const Authorization of fields) {
      const reply = await t.request("/", { headers: { Authorization, "X-Timestamp": seconds() } });
      expect([reply.status, reply.headers.get("www-authenticate")]).toEqual([401, 'HMAC-SHA256 realm="sluice"']);
    }
    expect((await t.request("/")).status).toBe(401);
    expect((await t.request("/", signed({ nonce: "short" }))).status).toBe(401);
  });

  test("accepts timestamps within the window: seconds, milliseconds, or Date", async () => {
    await using t = await testPlugin(hmacAuth, { config: { ...CONFIG, window: "1m" } });
    const status = async (timestamp: string) => (await t.request("/", signed({ timestamp }))).status;
    expect([await status(seconds(-50)), await status(seconds(50)), await status(String(Date.now()))]).toEqual([
      200, 200, 200,
    ]);
    for (const timestamp of [seconds(-90), seconds(90), "now", "-1", "1e9", "99999999999999999999"])
      expect(await status(timestamp)).toBe(401);
    const date = new Date().toUTCString();
    const { headers } = signed({ timestamp: date });
    const { Authorization } = headers;
    expect((await t.request("/", { headers: { Authorization: Authorization!, Date: date } })).status).toBe(200);
    expect((await t.request("/", { headers: { Authorization: Authorization! } })).status).toBe(401);
  });

  test("accepts a request once, as long as its timestamp can be good", async () => {
    await using t = await testPlugin(hmacAuth, { config: CONFIG });
    const request = signed();
    expect((await t.request("/", request)).status).toBe(200);
    await t.clock.advance(600_000);
    const again = await t.request("/", request);
    expect(again.status).toBe(401);
    expect(await again.json()).toMatchObject({ detail: "the nonce was used already" });
    await using open = await testPlugin(hmacAuth, { config: { ...CONFIG, replay: false } });
    const anonymous = signed({ nonce: "" });
    expect([(await open.request("/", anonymous)).status, (await open.request("/", anonymous)).status]).toEqual([
      200, 200,
    ]);
  });

  test("uses no nonce up for a request that is refused", async () => {
    await using t = await testPlugin(hmacAuth, { config: CONFIG });
    const request = signed({ method: "POST", digest: digestOf("hello") });
    expect((await t.request("/", { ...request, body: "other" })).status).toBe(401);
    expect((await t.request("/", { ...request, body: "hello" })).status).toBe(200);
  });

  test("verifies bodies, forwards them, and wants a digest it knows", async () => {
    await using t = await testPlugin(hmacAuth, { config: { ...CONFIG, maxBody: 10 } });
    const status = async (body: string | ReadableStream, digest: string) =>
      (await t.request("/", { ...signed({ method: "POST", digest }), body })).status;
    const both = `${digestOf("hello", "512")}, ${digestOf("hello")}`;
    for (const digest of [digestOf("hello"), digestOf("hello", "512"), both, `md5=:AAAA:, ${digestOf("hello")}`])
      expect(await status("hello", digest)).toBe(200);
    expect(await status(new Response("hello").body!, digestOf("hello"))).toBe(200);
    expect(t.upstream.requests.every((request) => request.text() === "hello")).toBe(true);
    for (const digest of [
      "",
      "md5=:AAAA:",
      "sha-256=:AAAA:",
      digestOf("hellO"),
      `${digestOf("hello")}, ${digestOf("x", "512")}`,
    ])
      expect(await status("hello", digest)).toBe(401);
    expect(await status("hello hello", digestOf("hello hello"))).toBe(413);
  });

  test("leaves bodies alone where it is told to", async () => {
    await using t = await testPlugin(hmacAuth, { config: { ...CONFIG, body: "ignore" } });
    expect((await t.request("/", { ...signed({ method: "POST" }), body: "any" })).status).toBe(200);
  });

  test("signs more header fields where they are named", async () => {
    await using t = await testPlugin(hmacAuth, { config: { ...CONFIG, signedHeaders: ["X-Tenant", "x-none"] } });
    const { headers } = signed({ extra: ["x-tenant:acme", "x-none:"] });
    expect((await t.request("/", { headers: { ...headers, "X-Tenant": "other" } })).status).toBe(401);
    expect((await t.request("/", { headers: { ...headers, "X-Tenant": "acme" } })).status).toBe(200);
  });

  test("lets nobody in without keys, and does not start with two of one id or a short secret", async () => {
    await using t = await testPlugin(hmacAuth, { config: {} });
    expect((await t.request("/", signed())).status).toBe(401);
    expect(testPlugin(hmacAuth, { config: { keys: [KEY, KEY] } })).rejects.toThrow("two keys");
    expect(testPlugin(hmacAuth, { config: { keys: [{ id: "a", secret: "short" }] } })).rejects.toThrow("secret");
  });

  test("does what the page says, with the page's own client", async () => {
    const page = readFileSync(join(ROOT, "docs/plugins/hmac-auth.md"), "utf8");
    const file = join(mkdtempSync(join(tmpdir(), "sluice-hmac-")), "client.ts");
    writeFileSync(file, /^```ts\n([\s\S]*?)^```/m.exec(page)![1]!);
    const { sign } = (await import(file)) as { sign(...args: unknown[]): Record<string, string> };
    rmSync(dirname(file), { recursive: true });
    await using t = await testPlugin(hmacAuth, { config: pageExample("hmac-auth") });
    const key = { id: "shop", secret: "example-secret-of-the-shop-7d20" };
    const headers = sign("POST", "https://API.example.com:8443/hooks/paid?n=1", "{}", key);
    const request = { method: "POST", headers, body: "{}", host: "api.example.com:8443" };
    expect((await t.request("/hooks/paid?n=1", request)).status).toBe(200);
    expect((await t.request("/hooks/paid?n=1", request)).status).toBe(401);
    const get = { headers: sign("GET", "https://api.example.com/hooks/", "", key), host: "api.example.com" };
    expect((await t.request("/hooks/", get)).status).toBe(200);
  });
});
