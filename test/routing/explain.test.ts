import { expect, test } from "bun:test";
import { explainRoutes } from "../../src/proxy/routing/explain.ts";
import { exchangeOf, type RequestParts, routeOf, type RouteParts } from "./requests.ts";

function explained(routes: readonly RouteParts[], request: RequestParts): string[] {
  const { routes: verdicts } = explainRoutes(routes.map(routeOf), exchangeOf(request));
  return verdicts.map(({ id, outcome, reasons }) => [id, outcome, ...reasons].join(": "));
}

test("it says which route wins and why each other one does not", () => {
  const routes: RouteParts[] = [
    { id: "winner", hosts: ["example.com"], path: "/users/:id", methods: ["GET"] },
    { id: "host", hosts: ["*.example.com", "other.com"] },
    { id: "path", path: "/posts/*" },
    { id: "method", methods: ["PUT", "POST"] },
    { id: "header", headers: [{ name: "x-canary", kind: "equals", value: "1" }] },
    { id: "absent", headers: [{ name: "x-other", kind: "present" }] },
    { id: "query", query: [{ name: "v", kind: "regex", source: "^2$" }] },
    { id: "both", scheme: "https", listeners: ["tls"] },
    { id: "any host", path: "/users/7" },
    { id: "prefix", hosts: ["example.com"], path: "/users/*" },
    { id: "fewer", hosts: ["example.com"], path: "/users/:id", priority: 5 },
    { id: "later", hosts: ["example.com"], path: "/users/:name", methods: ["GET"] },
    { id: "lower", hosts: ["example.com"], path: "/users/:name", methods: ["GET"], priority: -1 },
  ];
  expect(explained(routes, { target: "/users/7?v=1", headers: { "X-Canary": "0" } })).toEqual([
    "winner: wins",
    "host: differs: host example.com is not *.example.com or other.com",
    "path: differs: path /users/7?v=1 does not match /posts/*",
    "method: differs: method GET is not in PUT, POST",
    'header: differs: header x-canary is "0", not "1"',
    "absent: differs: header x-other is absent",
    'query: differs: query v is "1" and does not match /^2$/',
    "both: differs: scheme is http, not https: listener web is not in tls",
    "any host: loses: winner has a more specific host",
    "prefix: loses: winner has a more specific path",
    "fewer: loses: winner has more conditions",
    "later: loses: winner comes first",
    "lower: loses: winner has a higher priority",
  ]);
});

test("it leaves the winner's parameters in the exchange", () => {
  const exchange = exchangeOf({ target: "/a/b" });
  const { winner } = explainRoutes(
    [routeOf({ path: "/:x/b" }), routeOf({ path: "/*" }), routeOf({ path: "/:y/:z" })],
    exchange,
  );
  expect([winner?.spec.id, exchange.params]).toEqual(["/:x/b", { x: "a" }]);
});

test("it names what makes a path ambiguous", () => {
  const request = { target: "/public/../admin" };
  const { winner, ambiguous } = explainRoutes(
    [routeOf({ path: "/public/*" }), routeOf({ path: "/admin" })],
    exchangeOf(request),
  );
  expect([winner, ambiguous]).toEqual([null, true]);
  expect(explained([{ path: "/public/*" }, { path: "/x" }], request)[0]).toContain("another reading");
});
