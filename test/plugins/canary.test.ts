import { describe, expect, test } from "bun:test";
import { testPlugin } from "sluice/testing";
import canary from "../../plugins/canary.ts";
import { pageExample } from "./page-example.ts";

const start = (config: object) =>
  testPlugin(canary, { config: { upstream: "next", responseHeader: "X-Side", ...config } });
type Started = Awaited<ReturnType<typeof start>>;

async function sideOf(t: Started, request: Parameters<Started["request"]>[1] = {}): Promise<string> {
  const reply = await t.request("/", request);
  const side = reply.headers.get("x-side")!;
  expect(t.upstream.requests.at(-1)!.upstream).toBe(side === "canary" ? "next" : "upstream");
  return side;
}

const addresses = Array.from({ length: 400 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);

async function canariesOf(config: object): Promise<string[]> {
  await using t = await start({ stickyBy: "clientIp", ...config });
  const sides = await Promise.all(
    addresses.map(async (clientIp) => (await t.request("/", { clientIp })).headers.get("x-side")),
  );
  return addresses.filter((_, i) => sides[i] === "canary");
}

describe("the share", () => {
  test("is about as large as it says, and grows without sending anybody back", async () => {
    const few = await canariesOf({ percent: 10 });
    const more = await canariesOf({ percent: 40 });
    expect(few.length).toBeGreaterThan(15);
    expect(few.length).toBeLessThan(75);
    expect(more.length).toBeGreaterThan(few.length);
    expect(few.filter((address) => !more.includes(address))).toEqual([]);
  });

  test("is nobody at 0 and everybody at 100, and then nobody needs a cookie", async () => {
    for (const [percent, side] of [
      [0, "stable"],
      [100, "canary"],
    ] as const) {
      await using t = await start({ percent });
      const reply = await t.request("/");
      expect(reply.headers.get("x-side")).toBe(side);
      expect(reply.headers.has("set-cookie")).toBe(false);
    }
  });

  test("is of other clients with another seed", async () => {
    expect(await canariesOf({ percent: 20, seed: "b" })).not.toEqual(await canariesOf({ percent: 20, seed: "a" }));
  });
});

describe("a client stays on its side", () => {
  test("by the bucket in its cookie, which is set once", async () => {
    await using t = await start({ percent: 50 });
    const first = await t.request("/", { scheme: "https" });
    const cookie = first.headers.get("set-cookie")!;
    expect(cookie).toMatch(/^sluice_canary=\d{1,4}; Path=\/; Max-Age=2592000; Secure; HttpOnly; SameSite=Lax$/i);
    const again = await t.request("/", { headers: { cookie: cookie.split(";")[0]! } });
    expect(again.headers.get("x-side")).toBe(first.headers.get("x-side"));
    expect(again.headers.has("set-cookie")).toBe(false);
  });

  test("by a bucket below the share, whatever the share is", async () => {
    for (const percent of [1, 20, 99]) {
      await using t = await start({ percent });
      expect(await sideOf(t, { headers: { cookie: "sluice_canary=99" } })).toBe("canary");
      expect(await sideOf(t, { headers: { cookie: "sluice_canary=9999" } })).toBe("stable");
    }
  });

  test("by its identity, or a header, from any address", async () => {
    await using byIdentity = await start({ percent: 50, stickyBy: "identity" });
    await using byHeader = await start({ percent: 50, stickyBy: "header:X-User" });
    for (const [t, request] of [
      [byIdentity, { identity: { id: "ada", by: "test" } }],
      [byHeader, { headers: { "x-user": "ada" } }],
    ] as const) {
      const sides = new Set<string>();
      for (const clientIp of addresses.slice(0, 12)) sides.add(await sideOf(t, { ...request, clientIp }));
      expect(sides.size).toBe(1);
    }
  });
});

describe("a signed cookie", () => {
  const config = { percent: 1, cookie: { secret: "0123456789abcdef" } };

  test("is taken when the signature is ours", async () => {
    await using t = await start(config);
    const cookie = (await t.request("/")).headers.get("set-cookie")!.split(";")[0]!;
    expect((await t.request("/", { headers: { cookie } })).headers.has("set-cookie")).toBe(false);
  });

  test("is replaced when it was made up", async () => {
    await using t = await start(config);
    const forged = ["0", "0.", `0.${"A".repeat(43)}`, "-1", "00000", "1e3", ""];
    for (const value of forged) {
      const reply = await t.request("/", { headers: { cookie: `sluice_canary=${value}` } });
      expect(reply.headers.get("set-cookie"), value).toContain("sluice_canary=");
    }
  });
});

describe("what comes before the share", () => {
  test("a header, a cookie, equal or by regular expression", async () => {
    const match = [{ header: "X-Beta" }, { header: "X-Tenant", equals: "acme" }, { cookie: "group", regex: "^b" }];
    await using t = await start({ match });
    expect(await sideOf(t)).toBe("stable");
    expect(await sideOf(t, { headers: { "x-beta": "" } })).toBe("canary");
    expect(await sideOf(t, { headers: { "X-TENANT": "acme" } })).toBe("canary");
    expect(await sideOf(t, { headers: { "x-tenant": "acme2" } })).toBe("stable");
    expect(await sideOf(t, { headers: { cookie: "a=1; group=beta" } })).toBe("canary");
    expect(await sideOf(t, { headers: { cookie: "group=alpha" } })).toBe("stable");
  });

  test("the override, both ways, and nothing but its words", async () => {
    await using all = await start({ percent: 100, match: [{ header: "x-beta" }], override: "X-Canary" });
    expect(await sideOf(all, { headers: { "x-canary": "Never", "x-beta": "1" } })).toBe("stable");
    await using none = await start({ override: "X-Canary" });
    expect(await sideOf(none, { headers: { "x-canary": "always" } })).toBe("canary");
    expect(await sideOf(none, { headers: { "x-canary": "perhaps" } })).toBe("stable");
  });
});

test("a configuration that means nothing is refused with what to do", async () => {
  await expect(start({ match: [{}] })).rejects.toThrow("match[0] needs one of header and cookie");
  await expect(start({ match: [{ header: "a", regex: "(" }] })).rejects.toThrow(
    "match[0].regex is not a regular expression",
  );
  await expect(start({ match: [{ header: "a", regex: "b", equals: "b" }] })).rejects.toThrow("not both");
  await expect(start({ percent: 101 })).rejects.toThrow("percent");
  await expect(start({ stickyBy: "mood" })).rejects.toThrow("stickyBy");
  await expect(start({ override: "a b" })).rejects.toThrow("cannot be a field's name");
});

test("the page's example lets testers and tenants in, and says which side answered", async () => {
  await using t = await testPlugin(canary, { config: pageExample("canary") });
  const served = async (headers: Record<string, string>) =>
    (await t.request("/api/x", { headers })).headers.get("x-served-by");
  expect(await served({ cookie: "beta=1" })).toBe("canary");
  expect(await served({ "x-tenant": "umbrella" })).toBe("canary");
  expect(await served({ "x-tenant": "umbrella", "x-canary": "never" })).toBe("stable");
  expect(t.upstream.requests.map(({ upstream }) => upstream)).toEqual(["api-next", "api-next", "upstream"]);
});
