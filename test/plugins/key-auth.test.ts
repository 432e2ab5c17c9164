import { describe, expect, test } from "bun:test";
import { createHash, createHmac } from "node:crypto";
import { testPlugin } from "sluice/testing";
import keyAuth from "../../plugins/key-auth.ts";
import { pageExample } from "./page-example.ts";

const KEY = "a-key-that-is-long-enough-0001";
const as = (key: string) => ({ headers: { "X-API-Key": key } });

async function statusOf(config: unknown, headers: Record<string, string>, target = "/"): Promise<number> {
  await using t = await testPlugin(keyAuth, { config });
  return (await t.request(target, { headers })).status;
}

describe("key-auth", () => {
  test("lets a known key in, says whose it is, and hides it from the upstream", async () => {
    await using t = await testPlugin(keyAuth, { config: { keys: [{ name: "shop", key: KEY, scopes: ["a", "b"] }] } });
    expect((await t.request("/x", as(KEY))).status).toBe(200);
    const [seen] = t.upstream.requests;
    expect(seen!.headers.get("x-api-key")).toBeNull();
    expect(seen!.headers.get("x-auth-id")).toBe("shop");
    expect(seen!.headers.get("x-auth-by")).toBe("key-auth");
    expect(seen!.headers.get("x-auth-scopes")).toBe("a b");
  });

  test("answers 401 with a challenge where there is no key, an empty one, or a wrong one", async () => {
    await using t = await testPlugin(keyAuth, { config: { keys: [KEY], realm: "shop" } });
    const wrong: Array<Record<string, string>> = [
      {},
      ...["", `${KEY}x`, KEY.slice(1)].map((key) => ({ "X-API-Key": key })),
    ];
    for (const headers of wrong) {
      const reply = await t.request("/", { headers });
      expect(reply.status).toBe(401);
      expect(reply.headers.get("www-authenticate")).toBe('ApiKey realm="shop"');
      expect(await reply.json()).toMatchObject({ code: "unauthorized" });
    }
    expect(t.upstream.requests).toEqual([]);
    expect(t.metrics['refused_total{reason="unknown"}']).toBe(2);
  });

  test("lets nobody in without keys, and says so", async () => {
    await using t = await testPlugin(keyAuth, { config: {} });
    expect((await t.request("/", as(KEY))).status).toBe(401);
    expect(t.logs.some(({ level, message }) => level === "warn" && message.includes("no keys"))).toBe(true);
  });

  test("names a key by its name, else its id, else its place", async () => {
    const config = { keys: [{ name: "n", id: "i", key: "key-one" }, { id: "i", key: "key-two" }, "key-three"] };
    await using t = await testPlugin(keyAuth, { config });
    for (const key of ["key-one", "key-two", "key-three"]) await t.request("/", as(key));
    expect(t.upstream.requests.map(({ headers }) => headers.get("x-auth-id"))).toEqual(["n", "i", "key-3"]);
  });

  test("takes hashes, plain and salted, in either case of letters", async () => {
    const sha = createHash("sha256").update(KEY).digest("hex");
    const mac = createHmac("sha256", "pepper").update(KEY).digest("hex");
    expect(await statusOf({ keys: [{ hash: `sha256:${sha.toUpperCase()}` }] }, { "X-API-Key": KEY })).toBe(200);
    expect(await statusOf({ keys: [{ hash: `hmac-sha256:pepper:${mac}` }] }, { "X-API-Key": KEY })).toBe(200);
    expect(await statusOf({ keys: [{ hash: `hmac-sha256:salt:${mac}` }] }, { "X-API-Key": KEY })).toBe(401);
    expect(await statusOf({ keys: [{ hash: `sha256:${sha}` }] }, { "X-API-Key": sha })).toBe(401);
  });

  test("refuses a key from the moment it expires", async () => {
    const key = (expires: unknown) => ({ keys: [{ key: KEY, expires }] });
    expect(await statusOf(key("2001-01-01"), { "X-API-Key": KEY })).toBe(401);
    expect(await statusOf(key(Date.now() - 1), { "X-API-Key": KEY })).toBe(401);
    expect(await statusOf(key("2999-01-01T00:00:00Z"), { "X-API-Key": KEY })).toBe(200);
  });

  test("answers 403 where a scope is missing", async () => {
    const config = (scopes: string[]) => ({ keys: [{ key: KEY, scopes }], scopes: ["read", "write"] });
    expect(await statusOf(config(["read"]), { "X-API-Key": KEY })).toBe(403);
    expect(await statusOf(config(["write", "x", "read"]), { "X-API-Key": KEY })).toBe(200);
  });

  test("finds keys in the query and takes out nothing but them", async () => {
    await using t = await testPlugin(keyAuth, { config: { keys: ["k y"], query: "key" } });
    expect((await t.request("/p?a=%2f&k%65y=k+y&b=1&key=k%20y&c")).status).toBe(200);
    expect((await t.request("/p?key=k%20y")).status).toBe(200);
    expect(t.upstream.requests.map(({ target }) => target)).toEqual(["/p?a=%2f&b=1&c", "/p"]);
  });

  test("refuses two different keys in one request, and takes the same one twice", async () => {
    const config = { keys: [KEY, "other-key"], query: "key" };
    expect(await statusOf(config, { "X-API-Key": "other-key" }, `/?key=${KEY}`)).toBe(401);
    expect(await statusOf(config, { "X-API-Key": KEY }, `/?key=${KEY}`)).toBe(200);
    expect(await statusOf(config, { "X-API-Key": `${KEY}, other-key` })).toBe(401);
  });

  test("ignores the query where it is not asked for", async () => {
    expect(await statusOf({ keys: [KEY] }, {}, `/?key=${KEY}`)).toBe(401);
  });

  test("takes the scheme off in Authorization", async () => {
    const config = { keys: [KEY], header: "authorization" };
    for (const value of [KEY, `Bearer ${KEY}`, `apikey  ${KEY}`])
      expect(await statusOf(config, { Authorization: value })).toBe(200);
  });

  test("forwards the key where hideCredentials is false", async () => {
    await using t = await testPlugin(keyAuth, { config: { keys: [KEY], hideCredentials: false } });
    await t.request("/", as(KEY));
    expect(t.upstream.requests[0]!.headers.get("x-api-key")).toBe(KEY);
  });

  const wrong: Array<[unknown, string]> = [
    [{ keys: [KEY, { key: KEY }] }, "same key"],
    [{ keys: [{ name: "x" }] }, "either `key` or `hash`"],
    [{ keys: [{ key: KEY, hash: "sha256:00" }] }, "either `key` or `hash`"],
    [{ keys: [{ hash: "sha256:00" }] }, "64 hex digits"],
    [{ keys: [" k"] }, "white space"],
    [{ keys: [""] }, "white space"],
    [{ keys: [{ key: KEY, expires: "soon" }] }, "expires"],
    [{ keys: Array.from({ length: 65 }, (_, i) => ({ hash: `hmac-sha256:${i}:${"0".repeat(64)}` })) }, "salts"],
    [{ header: "a b" }, "header"],
  ];
  for (const [config, says] of wrong) {
    test(`does not start with ${JSON.stringify(config).slice(0, 60)}`, () => {
      expect(testPlugin(keyAuth, { config })).rejects.toThrow(says);
    });
  }

  test("never logs a key", async () => {
    await using t = await testPlugin(keyAuth, { config: { keys: [KEY] } });
    await t.request("/", as(KEY));
    await t.request("/", as("guess-guess-guess"));
    expect(JSON.stringify(t.logs)).not.toMatch(/a-key-that|guess/);
  });

  test("does what the page says", async () => {
    await using t = await testPlugin(keyAuth, { config: pageExample("key-auth") });
    expect((await t.request("/reports/1", as("example-key-of-billing-4f1c"))).status).toBe(200);
    expect((await t.request("/reports/1", as("example-key-of-partner-93aa"))).status).toBe(200);
    expect((await t.request("/reports/1")).status).toBe(401);
    expect(t.upstream.requests.map(({ headers }) => headers.get("x-auth-id"))).toEqual(["billing", "partner"]);
  });
});
