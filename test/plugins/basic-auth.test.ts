import { beforeAll, describe, expect, spyOn, test } from "bun:test";
import { testPlugin } from "sluice/testing";
import basicAuth from "../../plugins/basic-auth.ts";
import { pageExample } from "./page-example.ts";

const encode = (text: string | Uint8Array) => Buffer.from(text as string).toString("base64");
const as = (user: string, password: string) => ({
  headers: { Authorization: `Basic ${encode(`${user}:${password}`)}` },
});

let bcrypt = "";
let argon2 = "";
beforeAll(async () => {
  bcrypt = await Bun.password.hash("b-pass", { algorithm: "bcrypt", cost: 4 });
  argon2 = await Bun.password.hash("a-pass", { algorithm: "argon2id", memoryCost: 8, timeCost: 1 });
});

describe("basic-auth", () => {
  test("takes plain passwords, bcrypt and argon2, and says who it is", async () => {
    await using t = await testPlugin(basicAuth, { config: { users: { plain: "p:pass", b: bcrypt, a: argon2 } } });
    for (const [user, password] of [
      ["plain", "p:pass"],
      ["b", "b-pass"],
      ["a", "a-pass"],
    ] as const)
      expect((await t.request("/", as(user, password))).status).toBe(200);
    for (const [user, password] of [
      ["plain", "x"],
      ["b", "x"],
      ["a", "b-pass"],
      ["nobody", "p:pass"],
      ["b", bcrypt],
    ] as const)
      expect((await t.request("/", as(user, password))).status).toBe(401);
    expect(t.upstream.requests.map(({ headers }) => headers.get("x-auth-id"))).toEqual(["plain", "b", "a"]);
    expect(t.upstream.requests[0]!.headers.get("authorization")).toBeNull();
  });

  test("asks for credentials with its realm", async () => {
    await using t = await testPlugin(basicAuth, { config: { users: { a: "b" }, realm: "my pages" } });
    const reply = await t.request("/");
    expect(reply.status).toBe(401);
    expect(reply.headers.get("www-authenticate")).toBe('Basic realm="my pages", charset="UTF-8"');
  });

  test("refuses what is no Basic credentials", async () => {
    await using t = await testPlugin(basicAuth, { config: { users: { a: "b" } } });
    const values = [
      "Basic",
      "Basic ",
      "Basic !!!!",
      `Bearer ${encode("a:b")}`,
      `Basic ${encode("ab")}`,
      `Basic ${encode("a:")}`,
      `Basic ${encode(Uint8Array.of(0x61, 0x3a, 0xff))}`,
      `Basic ${encode(`a:${"b".repeat(5000)}`)}`,
      `Basic ${encode("a:b\0")}`,
      `Basic ${encode("a:b")}, Basic ${encode("a:b")}`,
    ];
    for (const Authorization of values) expect((await t.request("/", { headers: { Authorization } })).status).toBe(401);
    expect((await t.request("/", { headers: { Authorization: `bAsIc   ${encode("a:b")}` } })).status).toBe(200);
  });

  test("reads UTF-8, in whichever form it is composed", async () => {
    await using t = await testPlugin(basicAuth, { config: { users: { "jos\u00e9": "stra\u00dfe\u00e9" } } });
    expect((await t.request("/", as("jose\u0301", "stra\u00dfee\u0301"))).status).toBe(200);
  });

  test("hashes a password once while it is remembered, and each wrong one once", async () => {
    const verify = spyOn(Bun.password, "verify");
    try {
      await using t = await testPlugin(basicAuth, { config: { users: { a: argon2, plain: "p" } } });
      for (let i = 0; i < 3; i++) await t.request("/", as("a", "a-pass"));
      expect(verify).toHaveBeenCalledTimes(1);
      await t.request("/", as("a", "wrong"));
      await t.request("/", as("nobody", "wrong"));
      await t.request("/", as("plain", "wrong"));
      expect(verify).toHaveBeenCalledTimes(4);
    } finally {
      verify.mockRestore();
    }
  });

  test("checks an unknown name against a real hash, and refuses it even with the password of that", async () => {
    const verify = spyOn(Bun.password, "verify");
    try {
      await using t = await testPlugin(basicAuth, { config: { users: { a: argon2 } } });
      for (let i = 0; i < 2; i++) expect((await t.request("/", as("nobody", "a-pass"))).status).toBe(401);
      expect(verify.mock.calls).toEqual([
        ["a-pass", argon2],
        ["a-pass", argon2],
      ]);
    } finally {
      verify.mockRestore();
    }
  });

  test("works on so many hashes at once, lets so many wait, and answers 503 to the rest", async () => {
    const waiting: Array<(fits: boolean) => void> = [];
    const verify = spyOn(Bun.password, "verify").mockImplementation(
      () => new Promise((resolve) => waiting.push(resolve)),
    );
    try {
      await using t = await testPlugin(basicAuth, {
        config: { users: { a: argon2 }, maxVerifications: 1, maxWaiting: 1 },
      });
      const first = t.request("/", as("a", "1"));
      const again = t.request("/", as("a", "1"));
      const second = t.request("/", as("a", "2"));
      const third = await t.request("/", as("a", "3"));
      expect(third.status).toBe(503);
      expect(third.headers.get("retry-after")).toBe("1");
      expect(waiting).toHaveLength(1);
      waiting[0]!(true);
      expect([(await first).status, (await again).status]).toEqual([200, 200]);
      while (waiting.length < 2) await Bun.sleep(0);
      waiting[1]!(false);
      expect((await second).status).toBe(401);
    } finally {
      verify.mockRestore();
    }
  });

  test("lets nobody in without users", async () => {
    await using t = await testPlugin(basicAuth, { config: { users: {} } });
    expect((await t.request("/", as("a", "b"))).status).toBe(401);
    expect((await t.request("/", as("__proto__", "b"))).status).toBe(401);
  });

  const wrong: Array<[Record<string, string>, string]> = [
    [{ "a:b": "x" }, "cannot have"],
    [{ a: "" }, "empty password"],
    [{ a: "$apr1$abc$def" }, "not known"],
    [{ a: "{SHA}fEqNCco3Yq9h5ZUglD3CZJT4lBs=" }, "not known"],
    [{ a: "$2b$10$tooshort" }, "cut off"],
  ];
  for (const [users, says] of wrong) {
    test(`does not start with ${JSON.stringify(users)}`, () => {
      expect(testPlugin(basicAuth, { config: { users } })).rejects.toThrow(says);
    });
  }

  test("does what the page says", async () => {
    await using t = await testPlugin(basicAuth, { config: pageExample("basic-auth") });
    expect((await t.request("/admin/", as("ada", "correct horse"))).status).toBe(200);
    expect((await t.request("/admin/", as("ci", "plain-text-works-too-b51f"))).status).toBe(200);
    expect((await t.request("/admin/", as("ada", "wrong"))).headers.get("www-authenticate")).toContain('"admin pages"');
  });
});
