import { beforeAll, describe, expect, test } from "bun:test";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { testPlugin } from "sluice/testing";
import jwt from "../../plugins/jwt/index.ts";

interface Signer {
  readonly jwk: JWK;
  token(): Promise<string>;
}

async function signer(kid: string): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const exp = Math.floor(Date.now() / 1000) + 3600;
  return {
    jwk: { ...(await exportJWK(publicKey)), kid },
    token: () => new SignJWT({ sub: kid, exp }).setProtectedHeader({ alg: "ES256", kid }).sign(privateKey),
  };
}

/** An issuer's key set that changes and breaks when told to. */
class Issuer {
  keys: JWK[] = [];
  broken: (() => Response) | null = null;
  fetched = 0;

  readonly fetch = (_url: string): Response => {
    this.fetched++;
    return this.broken?.() ?? Response.json({ keys: this.keys });
  };
}

let a: Signer;
let b: Signer;
beforeAll(async () => {
  [a, b] = [await signer("a"), await signer("b")];
});

const URL_OF_KEYS = "https://idp.example.com/jwks";
const bearer = async (from: Signer) => ({ headers: { Authorization: `Bearer ${await from.token()}` } });

async function setUp(issuer: Issuer, more: object = {}) {
  const t = await testPlugin(jwt, { config: { jwks: URL_OF_KEYS, ...more }, fetch: issuer.fetch });
  return Object.assign(t, { status: async (from: Signer) => (await t.request("/", await bearer(from))).status });
}

describe("jwt with a key set", () => {
  test("fetches it once for many requests", async () => {
    const issuer = Object.assign(new Issuer(), { keys: [a.jwk] });
    await using t = await setUp(issuer);
    expect(await Promise.all([t.status(a), t.status(a), t.status(a)])).toEqual([200, 200, 200]);
    expect(issuer.fetched).toBe(1);
  });

  test("fetches it again when an unknown kid comes, at most once per cooldown", async () => {
    const issuer = Object.assign(new Issuer(), { keys: [a.jwk] });
    await using t = await setUp(issuer, { cooldown: "10s" });
    expect([await t.status(a), await t.status(b)]).toEqual([200, 401]);
    issuer.keys = [a.jwk, b.jwk];
    expect(await t.status(b)).toBe(401);
    expect(issuer.fetched).toBe(1);
    await t.clock.advance(10_000);
    expect([await t.status(b), await t.status(a)]).toEqual([200, 200]);
    expect(issuer.fetched).toBe(2);
  });

  test("no longer takes a key that was withdrawn, once the set was fetched again", async () => {
    const issuer = Object.assign(new Issuer(), { keys: [a.jwk, b.jwk] });
    await using t = await setUp(issuer, { refresh: "1m", staleIfError: "1m" });
    expect(await t.status(a)).toBe(200);
    issuer.keys = [b.jwk];
    await t.clock.advance(60_000);
    await t.status(b);
    await t.idle();
    expect([await t.status(b), await t.status(a)]).toEqual([200, 401]);
  });

  test("renews the set while no requests come, so that a withdrawn key is not taken once more", async () => {
    const issuer = Object.assign(new Issuer(), { keys: [a.jwk, b.jwk] });
    await using t = await setUp(issuer, { refresh: "1m" });
    expect(await t.status(a)).toBe(200);
    issuer.keys = [b.jwk];
    await t.clock.advance(120_000);
    expect([await t.status(a), await t.status(b)]).toEqual([401, 200]);
  });

  test("goes on with the old set while it cannot be fetched, and then refuses with 503", async () => {
    const issuer = Object.assign(new Issuer(), { keys: [a.jwk] });
    await using t = await setUp(issuer, { refresh: "1m", staleIfError: "5m" });
    expect(await t.status(a)).toBe(200);
    issuer.broken = () => new Response("down", { status: 500 });
    await t.clock.advance(120_000);
    expect(await t.status(a)).toBe(200);
    await t.clock.advance(300_000);
    const refused = await t.request("/", await bearer(a));
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "2"]);
    expect(await refused.json()).toMatchObject({ code: "plugin:jwks_unavailable" });
    issuer.broken = null;
    await t.clock.advance(2000);
    expect(await t.status(a)).toBe(200);
  });

  test("keeps the old set when a fetch for an unknown kid fails", async () => {
    const issuer = Object.assign(new Issuer(), { keys: [a.jwk] });
    await using t = await setUp(issuer);
    await t.status(a);
    issuer.broken = () => new Response("down", { status: 500 });
    await t.clock.advance(10_000);
    expect([await t.status(b), await t.status(a)]).toEqual([401, 200]);
  });

  const answers: Array<[string, () => Response]> = [
    ["is an error", () => new Response(null, { status: 404 })],
    ["is no JSON", () => new Response("<html>")],
    ["is no key set", () => Response.json({ keys: "x" })],
    ["has no keys", () => Response.json({ keys: [] })],
    ["has shared secrets only", () => Response.json({ keys: [{ kty: "oct", k: "AAAA", kid: "a" }] })],
    ["is too long", () => new Response(new Uint8Array(1024 * 1024 + 1))],
    [
      "does not come",
      () => {
        throw new TypeError("connection refused");
      },
    ],
  ];
  for (const [what, answer] of answers) {
    test(`refuses with 503 where the key set ${what}, and says why in the log`, async () => {
      await using t = await setUp(Object.assign(new Issuer(), { broken: answer }));
      expect(await t.status(a)).toBe(503);
      expect(t.upstream.requests).toEqual([]);
      expect(t.logs.some(({ level }) => level === "warn")).toBe(true);
    });
  }

  test("looks in several sets, and does not call a key unknown while one of them is missing", async () => {
    const sets: Record<string, () => Response> = {
      "https://one.example/jwks": () => Response.json({ keys: [a.jwk] }),
      "https://two.example/jwks": () => new Response(null, { status: 500 }),
    };
    await using t = await testPlugin(jwt, { config: { jwks: Object.keys(sets) }, fetch: (url) => sets[url]!() });
    const status = async (from: Signer) => (await t.request("/", await bearer(from))).status;
    expect([await status(a), await status(b)]).toEqual([200, 503]);
    sets["https://two.example/jwks"] = () => Response.json({ keys: [b.jwk] });
    await t.clock.advance(2000);
    expect([await status(a), await status(b)]).toEqual([200, 200]);
  });

  test("warns where keys are fetched without TLS from elsewhere", async () => {
    await using t = await testPlugin(jwt, {
      config: { jwks: "http://idp.example.com/jwks" },
      fetch: () => Response.json({ keys: [a.jwk] }),
    });
    expect(t.logs.some(({ message }) => message.includes("without TLS"))).toBe(true);
  });
});
