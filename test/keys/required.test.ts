import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { parse } from "yaml";
import { eventually } from "../kit/eventually.ts";
import { ask, type FullReply } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { Sluice, sluiceCommand } from "../kit/sluice.ts";

/** What `sluice keys add` printed, as somebody pastes it. */
async function keyFor(...words: string[]): Promise<{ key: string; entry: unknown }> {
  const command = sluiceCommand(["keys", "add", ...words]);
  expect(await command.exited()).toBe(0);
  const [key = "", yaml = ""] = command.stdout.split("\n\n");
  return { key: key.trim(), entry: (parse(yaml) as unknown[])[0] };
}

const OLD_KEY = "a-key-that-was-once-good-enough";
const WRONG_KEY = `slk_${"x".repeat(43)}`;

describe.each(["wire", "serve"])("auth: required on edge %s", (edge) => {
  let origin: RawOrigin;
  let sluice: Sluice;
  let shop: { key: string; entry: unknown };

  beforeAll(async () => {
    origin = await RawOrigin.start();
    shop = await keyFor("Shop & Söhne", "--scopes", "read,write", "--expires", "2999-12-31");
    const keys = [shop.entry, { name: "old", key: OLD_KEY, expires: "2001-01-01" }];
    sluice = await Sluice.start((port) => ({
      listeners: [{ name: "web", host: "127.0.0.1", port, edge }],
      security: { auth: { type: "apiKey", header: "X-Api-Token", keys } },
      upstreams: [{ name: "origin", url: origin.url }],
      routes: [
        { name: "open", path: "/open", upstream: "origin" },
        { name: "private", path: "/private", upstream: "origin", auth: "required" },
        {
          name: "few",
          path: "/few",
          upstream: "origin",
          auth: "required",
          rateLimit: { by: "identity", max: 1, window: "1h" },
        },
        { name: "admins", path: "/admins", upstream: "origin", auth: "required", plugins: [scoped("read", "admin")] },
        { name: "readers", path: "/readers", upstream: "origin", auth: "required", plugins: [scoped("read")] },
      ],
      logging: { access: "all", level: "debug" },
    }));

    function scoped(...scopes: string[]): object {
      return { use: "key-auth", with: { header: "X-Api-Token", keys, scopes } };
    }
  });

  afterAll(async () => {
    await sluice.stop();
    await origin.stop();
  });

  function asked(target: string, ...fields: Array<readonly [string, string]>): Promise<FullReply> {
    origin.restart();
    return ask(sluice.port, { target, fields });
  }

  test("lets the key of `sluice keys add` in and tells the upstream whose it is, but not the key", async () => {
    expect((await asked("/private", ["X-Api-Token", shop.key])).status).toBe(200);
    const { only } = origin;
    expect(decodeURIComponent(only.header("x-auth-id")!)).toBe("Shop & Söhne");
    expect(only.header("x-auth-by")).toBe("key-auth");
    expect(only.header("x-auth-scopes")).toBe("read write");
    expect(only.rawHead.toString("latin1")).not.toContain(shop.key);
  });

  test("replaces what a client says of itself, in any spelling", async () => {
    const claims = ["X-Auth-Id", "x-auth-by", "X-AUTH-SCOPES", "X_Auth_Id", "X-Auth_Scopes"];
    const fields = claims.map((name) => [name, "root"] as const);
    expect((await asked("/private", ["X-Api-Token", shop.key], ...fields)).status).toBe(200);
    expect(origin.only.rawHead.toString("latin1")).not.toContain("root");
  });

  test("is not made to drop what it says by a client that names it in Connection", async () => {
    const names = ["X-Auth-Id", "X-Auth-By", "X-Auth-Scopes", "X-Forwarded-For", "X-Request-Id", "Via"];
    for (const named of [names.join(", "), `close, ${names.join(",")}`.toLowerCase(), ...names]) {
      expect((await asked("/private", ["X-Api-Token", shop.key], ["Connection", named])).status).toBe(200);
      for (const name of names) expect(origin.only.header(name), `${name} with Connection: ${named}`).not.toBeNull();
    }
  });

  test("says nothing of who somebody is on a route without auth, and passes on what they say", async () => {
    expect((await asked("/open", ["X-Auth-Id", "root"], ["X-Api-Token", "theirs"])).status).toBe(200);
    expect([origin.only.header("x-auth-id"), origin.only.header("x-api-token")]).toEqual(["root", "theirs"]);
  });

  test.each([
    ["no key", []],
    ["an empty key", [""]],
    ["a wrong key", [WRONG_KEY]],
    ["a key that has expired", [OLD_KEY]],
  ])("answers %s with 401 and how to authenticate, and asks nobody", async (_, keys) => {
    const reply = await asked("/private", ...keys.map((key) => ["X-Api-Token", key] as const));
    expect([reply.status, reply.json()["code"]]).toEqual([401, "unauthorized"]);
    expect(reply.header("www-authenticate")).toStartWith("ApiKey ");
    expect(origin.requests).toEqual([]);
  });

  test("takes the key from the header that is configured, and from no other", async () => {
    for (const name of ["X-API-Key", "Authorization", "X_Api_Token"])
      expect((await asked("/private", [name, shop.key])).status).toBe(401);
    expect((await asked(`/private?X-Api-Token=${shop.key}`)).status).toBe(401);
  });

  test("hides the key from the plugins behind it: a second key-auth in the route finds none", async () => {
    for (const target of ["/readers", "/admins"])
      expect((await asked(target, ["X-Api-Token", shop.key])).status).toBe(401);
  });

  test("gives a limit by identity its identity", async () => {
    expect((await asked("/few", ["X-Api-Token", shop.key])).status).toBe(200);
    expect((await asked("/few", ["X-Api-Token", shop.key])).status).toBe(429);
  });

  test("tells of strangers as auth.failure, and logs no key, right or wrong", async () => {
    await asked("/private", ["X-Api-Token", WRONG_KEY]);
    const lines = () => sluice.process.stdout.split("\n").filter((line) => line.endsWith('"auth.failure"}'));
    const [line] = await eventually("the event", () => (lines().length > 0 ? lines() : null));
    expect(JSON.parse(line!)).toMatchObject({
      level: "info",
      route: "private",
      code: "unauthorized",
      client: "127.0.0.1",
    });
    await eventually("the access log", () => sluice.process.stdout.includes('"identity":"Shop & Söhne"'));
    for (const key of [shop.key, WRONG_KEY, OLD_KEY]) expect(sluice.process.output).not.toContain(key);
  });
});
