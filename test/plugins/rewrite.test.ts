import { describe, expect, test } from "bun:test";
import { testPlugin } from "sluice/testing";
import rewrite from "../../plugins/rewrite/index.ts";
import { pageExample } from "./page-example.ts";

interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
}

/** What came to the upstream, or the refusal's status. */
async function rewritten(config: unknown, target: string, asked: Asked = {}) {
  const t = await testPlugin(rewrite, { config });
  const reply = await t.request(target, { ...asked, host: "api.example.com" });
  const up = t.upstream.requests[0];
  await t.close();
  return { status: reply.status, target: up?.target, host: up?.host, method: up?.method, headers: up?.headers };
}

describe("rewrite of paths", () => {
  const cases: Array<[rules: unknown[], from: string, to: string]> = [
    [[{ prefix: "/api", to: "/v2" }], "/api/users?x=1", "/v2/users?x=1"],
    [[{ prefix: "/api", to: "/" }], "/api", "/"],
    [[{ prefix: "/api/", to: "/" }], "/api/users", "/users"],
    [[{ prefix: "/api", to: "/v2" }], "/apix", "/apix"],
    [[{ prefix: "/", to: "/base/" }], "/a/b", "/base/a/b"],
    [[{ regex: "^/users/(\\d+)/(.*)$", to: "/$2?user=$1" }], "/users/7/a%2Fb?x=1", "/a%2Fb?user=7&x=1"],
    [[{ regex: "^/(?<lang>de|en)/", flags: "i", to: "/i18n/$<lang>/" }], "/DE/x", "/i18n/DE/x"],
    [
      [
        { regex: "^/none$", to: "/a" },
        { prefix: "/x", to: "/first" },
        { prefix: "/x", to: "/second" },
      ],
      "/x/y",
      "/first/y",
    ],
    [[{ regex: "^/x(.*)$", to: "$1" }], "/x//evil.example/y", "/evil.example/y"],
    [[{ regex: "^/x$", to: '/a b/ü/"#%zz%41' }], "/x", "/a%20b/%C3%BC/%22%23%25zz%41"],
    [[{ prefix: "/t", to: "/{host}/{header.X-T}" }], "/t/z", "/api.example.com/a%2Fb/z"],
  ];
  for (const [path, from, to] of cases)
    test(`${JSON.stringify(path)} leads from ${from} to ${to}`, async () => {
      expect((await rewritten({ path }, from, { headers: { "X-T": "a/b" } })).target).toBe(to);
    });

  test("never leads out of where it belongs", async () => {
    for (const [rule, from] of [
      [{ regex: "^/files(.*)$", to: "/data/$1" }, "/files../secret"],
      [{ regex: "^/files(.*)$", to: "/data/$1" }, "/files%2e%2e/secret"],
      [{ prefix: "/files", to: "/data/{header.X-T}" }, "/files/x"],
    ] as const) {
      const { status, target } = await rewritten({ path: [rule] }, from, { headers: { "X-T": "a/.." } });
      expect(status).toBe(400);
      expect(target).toBeUndefined();
    }
  });
});

describe("rewrite of queries", () => {
  const cases: Array<[query: unknown, from: string, to: string]> = [
    [{ remove: ["utm_*", "b"] }, "/x?utm_a=1&a=%20+&b=2&b&utm_b", "/x?a=%20+"],
    [{ remove: ["a b"] }, "/x?a+b=1&a%20b=2", "/x"],
    [{ rename: { q: "search" } }, "/x?q=a%2Bb&q&z", "/x?search=a%2Bb&search&z"],
    [{ set: { v: "2" } }, "/x?v=1&a=1&v=3", "/x?v=2&a=1"],
    [{ set: { v: "a&b=c" } }, "/x", "/x?v=a%26b%3Dc"],
    [{ add: { v: ["1", "2"] } }, "/x?v=0", "/x?v=0&v=1&v=2"],
    [{ set: { user: "{identity.id}" } }, "/x?user=root&a=1", "/x?a=1"],
    [{ set: { ip: "{clientIp}" } }, "/x?%zz=1", "/x?%zz=1&ip=203.0.113.1"],
  ];
  for (const [query, from, to] of cases)
    test(`${JSON.stringify(query)} makes ${to} of ${from}`, async () => {
      expect((await rewritten({ query }, from)).target).toBe(to);
    });
});

describe("rewrite of the method and host", () => {
  test("sends another method", async () => {
    expect((await rewritten({ method: "PUT" }, "/x", { method: "POST" })).method).toBe("PUT");
  });

  test("takes the method from a header, where both are allowed", async () => {
    const config = { methodOverride: {} };
    const header = "X-HTTP-Method-Override";
    const patch = await rewritten(config, "/x", { method: "POST", headers: { [header]: "patch" } });
    expect(patch.method).toBe("PATCH");
    expect(patch.headers!.has(header)).toBe(false);
    expect((await rewritten(config, "/x", { method: "GET", headers: { [header]: "DELETE" } })).method).toBe("GET");
    expect((await rewritten(config, "/x", { method: "POST", headers: { [header]: "TRACE" } })).status).toBe(400);
  });

  test("asks for another host, and refuses one that is none", async () => {
    const config = { host: "{header.X-Tenant}.internal.example" };
    expect((await rewritten(config, "/x", { headers: { "X-Tenant": "acme" } })).host).toBe("acme.internal.example");
    expect((await rewritten(config, "/x", { headers: { "X-Tenant": "a@b/c" } })).status).toBe(400);
    expect((await rewritten(config, "/x")).host).toBe("api.example.com");
  });

  test("leaves OPTIONS * alone", async () => {
    const { target } = await rewritten({ path: [{ prefix: "/", to: "/v2" }] }, "*", { method: "OPTIONS" });
    expect(target === undefined || target === "*").toBe(true);
  });

  test("finds the route by what it made, before matching", async () => {
    const config = { beforeMatching: true, path: [{ prefix: "/old", to: "/new" }] };
    const t = await testPlugin(rewrite, { config, route: { path: "/new/*" } });
    expect((await t.request("/old/a")).status).toBe(200);
    expect(t.upstream.requests[0]!.target).toBe("/new/a");
    await t.close();
  });
});

describe("rewrite refuses at set-up", () => {
  const wrong: Array<[config: unknown, says: string]> = [
    [{}, "nothing to do"],
    [{ path: [{ regex: "(", to: "/" }] }, "regular expression"],
    [{ path: [{ regex: "a", flags: "g", to: "/" }] }, "first match"],
    [{ path: [{ prefix: "api", to: "/" }] }, "must begin"],
    [{ path: [{ prefix: "/a", to: "/{nobody}" }] }, "not a placeholder"],
    [{ beforeMatching: true, path: [{ prefix: "/a", to: "/{route}" }] }, "before a route has matched"],
    [{ method: "get" }, "capitals"],
    [{ method: "CONNECT" }, "cannot be forwarded"],
    [{ methodOverride: { allow: ["TRACE"] } }, "cannot be forwarded"],
    [{ host: "a b" }, "is no host"],
  ];
  for (const [config, says] of wrong)
    test(JSON.stringify(config), async () => expect(testPlugin(rewrite, { config })).rejects.toThrow(says));
});

describe("the example of rewrite.md", () => {
  test("does what the page says", async () => {
    const config = pageExample("rewrite");
    const { target } = await rewritten(config, "/shop/items/42?utm_source=x&page=2");
    expect(target).toBe("/catalog/42?page=2&client=203.0.113.1");
    expect((await rewritten(config, "/shop/cart")).target).toBe("/cart?client=203.0.113.1");
  });
});
