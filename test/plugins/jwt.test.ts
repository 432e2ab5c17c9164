import { beforeAll, describe, expect, test } from "bun:test";
import {
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type GenerateKeyPairResult,
  type JWK,
  type JWTPayload,
  SignJWT,
} from "jose";
import { testPlugin } from "sluice/testing";
import jwt from "../../plugins/jwt/index.ts";
import { pageExample } from "./page-example.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const URL_OF_KEYS = "https://idp.example.com/jwks";

let rsa: GenerateKeyPairResult;
let ec: GenerateKeyPairResult;
beforeAll(async () => {
  rsa = await generateKeyPair("RS256", { extractable: true });
  ec = await generateKeyPair("ES256", { extractable: true });
});

type SigningKey = CryptoKey | Uint8Array;

function sign(
  claims: JWTPayload,
  key: SigningKey = Buffer.from(SECRET),
  header: { alg: string; kid?: string; typ?: string } = { alg: "HS256" },
) {
  return new SignJWT({ sub: "ada", exp: Math.floor(Date.now() / 1000) + 60, ...claims })
    .setProtectedHeader(header)
    .sign(key);
}

const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

async function jwk(pair: GenerateKeyPairResult, more: JWK = {} as JWK): Promise<JWK> {
  return { ...(await exportJWK(pair.publicKey)), ...more };
}

/** What a token gets with a configuration: status and challenge. */
async function outcome(config: object, token: string): Promise<string> {
  await using t = await testPlugin(jwt, { config: { secret: SECRET, ...config } });
  const reply = await t.request("/", bearer(token));
  return `${reply.status} ${/error="(\w+)"/.exec(reply.headers.get("www-authenticate") ?? "")?.[1] ?? ""}`.trim();
}

describe("jwt", () => {
  test("lets a good token in and hands on who it is", async () => {
    await using t = await testPlugin(jwt, { config: { secret: SECRET } });
    expect((await t.request("/", bearer(await sign({ scope: "a b" })))).status).toBe(200);
    const { headers } = t.upstream.requests[0]!;
    expect([headers.get("x-auth-id"), headers.get("x-auth-by"), headers.get("x-auth-scopes")]).toEqual([
      "ada",
      "jwt",
      "a b",
    ]);
    expect(headers.get("authorization")).toStartWith("Bearer ");
  });

  test("asks for a token without an error where none came", async () => {
    await using t = await testPlugin(jwt, { config: { secret: SECRET } });
    for (const headers of [{}, { Authorization: "Basic YTpi" }] as Array<Record<string, string>>) {
      const reply = await t.request("/", { headers });
      expect([reply.status, reply.headers.get("www-authenticate")]).toEqual([401, 'Bearer realm="sluice"']);
    }
  });

  test("refuses tokens that are wrong in any way, as RFC 6750 says", async () => {
    const now = Math.floor(Date.now() / 1000);
    const good = await sign({});
    const [head, body, signature] = good.split(".");
    const none = Buffer.from('{"alg":"none"}').toString("base64url");
    const cases: Array<[config: object, token: string]> = [
      [{}, await sign({}, Buffer.from("another-secret-another-secret-!!"))],
      [{}, await sign({ exp: now - 60 })],
      [{}, await sign({ nbf: now + 60 })],
      [{}, await sign({ exp: undefined })],
      [{}, await sign({ sub: "" })],
      [{ idClaim: "email" }, await sign({})],
      [{ issuer: "a" }, await sign({ iss: "b" })],
      [{ issuer: ["a", "b"] }, await sign({})],
      [{ audience: "api" }, await sign({ aud: ["web"] })],
      [{ typ: "at+jwt" }, await sign({})],
      [{ maxAge: "1m" }, await sign({ iat: now - 3600 })],
      [{ requiredClaims: ["exp", "jti"] }, await sign({})],
      [{ algorithms: ["HS512"], secret: SECRET + SECRET }, await sign({}, Buffer.from(SECRET + SECRET))],
      [{ maxTokenBytes: 64 }, good],
      [{}, `${none}.${body}.`],
      [{}, `${none}.${body}.${signature}`],
      [{}, `${head}.${body}`],
      [{}, "x"],
      [{}, "..."],
    ];
    for (const [config, token] of cases) expect(await outcome(config, token)).toBe("401 invalid_token");
    expect(await outcome({}, await sign({ exp: now - 10 }))).toBe("200");
    expect(await outcome({ audience: "api", issuer: ["a", "b"] }, await sign({ aud: ["web", "api"], iss: "b" }))).toBe(
      "200",
    );
  });

  test("answers 403 where scopes or claims are not enough", async () => {
    const config = { scopes: ["read"], claims: { tenant: "acme", "realm.roles": "admin" } };
    const claims = { scope: "read write", tenant: "acme", realm: { roles: ["user", "admin"] } };
    expect(await outcome(config, await sign(claims))).toBe("200");
    for (const less of [{ scope: "reader" }, { tenant: "other" }, { realm: { roles: ["user"] } }, { realm: "admin" }])
      expect(await outcome(config, await sign({ ...claims, ...less }))).toBe("403 insufficient_scope");
    expect(await outcome({ scopes: ["x"], scopeClaim: "scp" }, await sign({ scp: ["x", "y"] }))).toBe("200");
  });

  test("never takes a public key for a secret", async () => {
    const pem = await exportSPKI(rsa.publicKey);
    await using t = await testPlugin(jwt, { config: { publicKey: pem } });
    const good = await sign({}, rsa.privateKey, { alg: "RS256" });
    expect((await t.request("/", bearer(good))).status).toBe(200);
    const forged = await sign({}, Buffer.from(pem), { alg: "HS256" });
    expect((await t.request("/", bearer(forged))).status).toBe(401);
    const otherKind = await sign({}, ec.privateKey, { alg: "ES256" });
    expect((await t.request("/", bearer(otherKind))).status).toBe(401);
  });

  test("pins the algorithms to the kind of a public key", async () => {
    const publicKey = await exportSPKI(ec.publicKey);
    expect(testPlugin(jwt, { config: { publicKey, algorithms: ["RS256"] } })).rejects.toThrow("RS256 cannot");
    await using t = await testPlugin(jwt, { config: { publicKey } });
    expect((await t.request("/", bearer(await sign({}, ec.privateKey, { alg: "ES256" })))).status).toBe(200);
  });

  test("takes keys from the configuration, also those without kid", async () => {
    const second = await generateKeyPair("RS256", { extractable: true });
    const keys = [await jwk(rsa), await jwk(second), await jwk(ec, { kid: "e" } as JWK)];
    await using t = await testPlugin(jwt, { config: { keys } });
    for (const token of [
      await sign({}, rsa.privateKey, { alg: "RS256" }),
      await sign({}, second.privateKey, { alg: "RS256" }),
      await sign({}, ec.privateKey, { alg: "ES256", kid: "e" }),
    ])
      expect((await t.request("/", bearer(token))).status).toBe(200);
    const stranger = await generateKeyPair("RS256");
    expect((await t.request("/", bearer(await sign({}, stranger.privateKey, { alg: "RS256" })))).status).toBe(401);
  });

  test("finds the token in a cookie or the query, and refuses two different ones", async () => {
    await using t = await testPlugin(jwt, {
      config: { secret: SECRET, cookie: "session", query: "token", hideCredentials: true },
    });
    const [one, two] = [await sign({ jti: "1" }), await sign({ jti: "2" })];
    expect((await t.request("/", { headers: { Cookie: `a=b; session=${one}` } })).status).toBe(200);
    expect((await t.request(`/p?a=%20&token=${one}`)).status).toBe(200);
    expect(t.upstream.requests[1]!.target).toBe("/p?a=%20");
    expect((await t.request(`/?token=${one}`, bearer(one))).status).toBe(200);
    expect(t.upstream.requests[2]!.headers.get("authorization")).toBeNull();
    const both = await t.request(`/?token=${one}`, bearer(two));
    expect([both.status, both.headers.get("www-authenticate")]).toEqual([
      400,
      expect.stringContaining("invalid_request"),
    ]);
  });

  test("lets requests without a token pass where it is optional, and no bad token", async () => {
    await using t = await testPlugin(jwt, { config: { secret: SECRET, optional: true, headers: { "X-User": "sub" } } });
    expect((await t.request("/", { headers: { "X-User": "admin" } })).status).toBe(200);
    expect(t.upstream.requests[0]!.headers.get("x-user")).toBeNull();
    expect((await t.request("/", bearer("bad"))).status).toBe(401);
  });

  test("hands on claims as header fields that nobody else can set", async () => {
    const headers = {
      "X-User": "sub",
      "X-Name": "name",
      "X-Roles": "realm.roles",
      "X-Org": "https://x.example/org",
      "X-None": "none",
      "X-Obj": "realm",
    };
    await using t = await testPlugin(jwt, { config: { secret: SECRET, headers } });
    const token = await sign({
      name: "J\u00f6rg\r\nX-Admin: 1",
      realm: { roles: ["a", "b,\u00e9"] },
      "https://x.example/org": 7,
    });
    await t.request("/", { headers: { ...bearer(token).headers, "X-None": "forged", "x-user": "forged" } });
    const seen = t.upstream.requests[0]!.headers;
    expect(Object.keys(headers).map((name) => seen.get(name))).toEqual([
      "ada",
      "J%C3%B6rg%0D%0AX-Admin%3A%201",
      "a,b%2C%C3%A9",
      "7",
      null,
      encodeURIComponent('{"roles":["a","b,\u00e9"]}'),
    ]);
  });

  const wrong: Array<[object, string]> = [
    [{}, "exactly one"],
    [{ secret: SECRET, publicKey: "x" }, "exactly one"],
    [{ secret: "short" }, "32 bytes"],
    [{ secret: SECRET, algorithms: ["RS256"] }, "RS256 cannot"],
    [{ secret: SECRET, algorithms: ["none"] }, "none cannot"],
    [{ jwks: URL_OF_KEYS, algorithms: ["RS256", "HS256"] }, "HS256 cannot"],
    [{ jwks: "idp/jwks" }, "is no URL"],
    [{ publicKey: "hello" }, "no PEM"],
    [{ secret: SECRET, headers: { Connection: "sub" } }, "Connection"],
    [{ secret: SECRET, headers: { "X User": "sub" } }, "X User"],
    [{ publicKey: "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VuAyEA\n-----END PUBLIC KEY-----" }, "no PEM"],
    [{ publicKey: "-----BEGIN PRIVATE KEY-----" }, "private key"],
    [{ keys: [{ kty: "oct", k: "AAAA" }] }, "no public key"],
  ];
  for (const [config, says] of wrong) {
    test(`does not start with ${JSON.stringify(config)}`, () => {
      expect(testPlugin(jwt, { config })).rejects.toThrow(says);
    });
  }

  test("does what the page says", async () => {
    const fetched: string[] = [];
    const keys = { keys: [await jwk(rsa, { kid: "1" } as JWK)] };
    const fetch = (url: string) => (fetched.push(url), Response.json(keys));
    await using t = await testPlugin(jwt, { config: pageExample("jwt"), fetch });
    const claims = {
      iss: "https://idp.example.com/",
      aud: "api",
      scope: "orders:read",
      realm_access: { roles: ["a", "b"] },
    };
    const token = await sign(claims, rsa.privateKey, { alg: "RS256", kid: "1" });
    expect((await t.request("/api/1", bearer(token))).status).toBe(200);
    expect(t.upstream.requests[0]!.headers.get("x-roles")).toBe("a,b");
    expect((await t.request("/api/1")).status).toBe(401);
    expect(fetched).toEqual(["https://idp.example.com/.well-known/jwks.json"]);
  });
});
