import { describe, expect, test } from "bun:test";
import { chosen, exchangeOf, routeOf, type RequestParts, type RouteParts } from "./requests.ts";
import { RouteMatcher } from "../../src/proxy/routing/route-matcher.ts";

const paths = (...list: string[]): RouteParts[] => list.map((path) => ({ path }));
const at = (target: string): RequestParts => ({ target });

describe("the path", () => {
  test.each<[string, string[], string, string]>([
    ["exact wins over parameters", ["/users/:id", "/users/me"], "/users/me", "/users/me"],
    ["exact wins over a prefix", ["/users/*", "/users"], "/users", "/users"],
    ["parameters win over a prefix", ["/users/*", "/users/:id"], "/users/5", "/users/:id"],
    ["more literal segments win", ["/:a/:b/c", "/x/:b/c"], "/x/y/c", "/x/:b/c"],
    ["more literals win, wherever they stand", ["/a/:x/:y", "/:p/b/c"], "/a/b/c", "/:p/b/c"],
    ["file order decides between equal shapes", ["/:x/b", "/a/:y"], "/a/b", "/:x/b"],
    ["the longest prefix wins", ["/*", "/a/*", "/a/b/*"], "/a/b/c/d", "/a/b/*"],
    ["a prefix covers its own root", ["/users/*"], "/users", "/users/*"],
    ["a prefix covers its own root with a slash", ["/users/*"], "/users/", "/users/*"],
    ["a prefix ends at a segment", ["/users/*"], "/users-old", "none"],
    ["/* covers the root", ["/*"], "/", "/*"],
    ["a trailing slash counts for exact paths", ["/users"], "/users/", "none"],
    ["a trailing slash counts for parameters", ["/users/:id"], "/users/5/", "none"],
    ["a parameter is never empty", ["/users/:id"], "/users/", "none"],
    ["a parameter is one segment", ["/users/:id"], "/users/5/x", "none"],
    ["parameters go with a prefix", ["/users/:id/*"], "/users/5/posts/7", "/users/:id/*"],
    ["parameters with a prefix cover its root", ["/users/:id/*"], "/users/5", "/users/:id/*"],
    ["a literal prefix beats one as long with parameters", ["/:tenant/*", "/api/*"], "/api/x", "/api/*"],
    [
      "a longer prefix with parameters beats a shorter literal one",
      ["/users/*", "/users/:id/*"],
      "/users/5/x",
      "/users/:id/*",
    ],
    ["a longer literal prefix beats a shorter one with parameters", ["/a/:b/*", "/a/b/c/*"], "/a/b/c/d", "/a/b/c/*"],
    ["the query is no part of it", ["/users"], "/users?x=/y", "/users"],
    ["percent-encoding is decoded", ["/admin"], "/%61dmin", "/admin"],
    ["it is decoded once", ["/admin"], "/%2561dmin", "none"],
    ["an invalid escape stays as it is", ["/a%zz"], "/a%zz", "/a%zz"],
    ["non-ASCII is compared as UTF-8", ["/café"], "/caf%C3%A9", "/café"],
    ["an encoded configuration means the same", ["/caf%c3%a9"], "/caf%C3%A9", "/caf%c3%a9"],
    ["case counts", ["/Users"], "/users", "none"],
    ["OPTIONS * belongs to whoever takes everything", ["/a/*", "/*"], "*", "/*"],
    ["a path of another form is no path", ["/users"], "users", "none"],
  ])("%s", (_, routes, target, expected) => {
    expect(chosen(paths(...routes), at(target))).toBe(expected);
  });

  test("its parameters are decoded and handed on", () => {
    const exchange = exchangeOf({ target: "/users/J%C3%BCrgen/posts/a%2Fb?x" });
    new RouteMatcher([routeOf({ path: "/users/:name/posts/:post" })]).match(exchange);
    expect(exchange.params).toEqual({ name: "Jürgen", post: "a/b" });
  });

  test("a parameter that is not UTF-8 stays as received", () => {
    const exchange = exchangeOf({ target: "/users/%ff/x" });
    new RouteMatcher([routeOf({ path: "/users/:name/*" })]).match(exchange);
    expect(exchange.params).toEqual({ name: "%ff" });
  });
});

describe("the host", () => {
  const hosts: RouteParts[] = [
    { id: "any" },
    { id: "wild", hosts: ["*.example.com"] },
    { id: "wilder", hosts: ["*.eu.example.com"] },
    { id: "exact", hosts: ["api.eu.example.com", "api.example.com"] },
  ];

  test.each([
    ["api.example.com", "exact"],
    ["api.eu.example.com", "exact"],
    ["x.eu.example.com", "wilder"],
    ["x.y.eu.example.com", "wilder"],
    ["eu.example.com", "wild"],
    ["a.b.example.com", "wild"],
    ["example.com", "any"],
    ["badexample.com", "any"],
    [".example.com", "any"],
    ["", "any"],
  ])("%s goes to %s", (host, expected) => {
    expect(chosen(hosts, { host })).toBe(expected);
  });

  test("wins over a more specific path", () => {
    const routes = [
      { id: "path", path: "/a/b" },
      { id: "host", hosts: ["example.com"] },
    ];
    expect(chosen(routes, at("/a/b"))).toBe("host");
  });

  test("without a matching route leaves the request to a less specific one", () => {
    const routes = [
      { id: "any" },
      { id: "wild", hosts: ["*.example.com"], path: "/b" },
      { id: "exact", hosts: ["a.example.com"], path: "/a" },
    ];
    expect(["/a", "/b", "/c"].map((target) => chosen(routes, { host: "a.example.com", target }))).toEqual([
      "exact",
      "wild",
      "any",
    ]);
  });
});

describe("conditions", () => {
  test.each<[string, RouteParts, RequestParts, boolean]>([
    ["a method in the list", { methods: ["GET", "POST"] }, { method: "POST" }, true],
    ["a method outside the list", { methods: ["GET"] }, { method: "HEAD" }, false],
    ["a scheme", { scheme: "https" }, { scheme: "http" }, false],
    ["a listener", { listeners: ["web"] }, { listener: "other" }, false],
    [
      "a header's value",
      { headers: [{ name: "x-canary", kind: "equals", value: "1" }] },
      { headers: { "X-Canary": "1" } },
      true,
    ],
    [
      "another value",
      { headers: [{ name: "x-canary", kind: "equals", value: "1" }] },
      { headers: { "X-Canary": "0" } },
      false,
    ],
    [
      "any value of several",
      { headers: [{ name: "x", kind: "equals", value: "1" }] },
      { headers: { X: "0", x: "1" } },
      true,
    ],
    ["a present header", { headers: [{ name: "x", kind: "present" }] }, { headers: { X: "" } }, true],
    ["an absent header", { headers: [{ name: "x", kind: "present" }] }, {}, false],
    ["a pattern", { headers: [{ name: "x", kind: "regex", source: "^v[12]$" }] }, { headers: { X: "v2" } }, true],
    [
      "a pattern that does not fit",
      { headers: [{ name: "x", kind: "regex", source: "^v[12]$" }] },
      { headers: { X: "v3" } },
      false,
    ],
    ["a query parameter", { query: [{ name: "v", kind: "equals", value: "2" }] }, { target: "/?v=2" }, true],
    ["its last occurrence", { query: [{ name: "v", kind: "equals", value: "2" }] }, { target: "/?v=1&&w=2&v=2" }, true],
    ["its decoded value", { query: [{ name: "a b", kind: "equals", value: "c d" }] }, { target: "/?a+b=c%20d" }, true],
    ["an empty parameter is present", { query: [{ name: "v", kind: "present" }] }, { target: "/?v" }, true],
    ["another parameter's value", { query: [{ name: "v", kind: "equals", value: "2" }] }, { target: "/?w=v=2" }, false],
    ["no query at all", { query: [{ name: "v", kind: "present" }] }, { target: "/v" }, false],
  ])("%s", (_, route, request, expected) => {
    expect(chosen([route], request)).toBe(expected ? "/*" : "none");
  });

  const canary = { name: "x", kind: "equals", value: "1" } as const;

  test("more of them win over fewer, whatever the priority", () => {
    const routes = [
      { id: "one", methods: ["GET"], priority: 9 },
      { id: "two", methods: ["GET"], headers: [canary] },
    ];
    expect(chosen(routes, { headers: { x: "1" } })).toBe("two");
    expect(chosen(routes, { headers: { x: "2" } })).toBe("one");
  });

  test("then priority decides, then the order in the file", () => {
    expect(chosen([{ id: "a" }, { id: "b", priority: 1 }, { id: "c", priority: 1 }], {})).toBe("b");
    expect(chosen([{ id: "a" }, { id: "b" }], {})).toBe("a");
  });

  test("a more specific path that fails them leaves the request to a less specific one", () => {
    const routes = [
      { path: "/*" },
      { path: "/a/*" },
      { path: "/a/:x", methods: ["PUT"] },
      { path: "/a/b", methods: ["POST"] },
    ];
    expect(chosen(routes, at("/a/b"))).toBe("/a/*");
    expect(chosen(routes, { target: "/a/b", method: "PUT" })).toBe("/a/:x");
  });
});
