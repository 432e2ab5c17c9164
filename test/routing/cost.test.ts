import { expect, spyOn, test } from "bun:test";
import { RouteMatcher } from "../../src/proxy/routing/route-matcher.ts";
import { exchangeOf, routeOf, type RouteParts } from "./requests.ts";

/** How many Map lookups and regular expressions one match takes. */
function costOf(
  routes: readonly RouteParts[],
  request: Parameters<typeof exchangeOf>[0],
): { lookups: number; tests: number } {
  const matcher = new RouteMatcher(routes.map(routeOf));
  const exchange = exchangeOf(request);
  const lookups = spyOn(Map.prototype, "get");
  const checks = spyOn(Map.prototype, "has");
  const tests = spyOn(RegExp.prototype, "test");
  try {
    const found = matcher.match(exchange);
    const cost = { lookups: lookups.mock.calls.length + checks.mock.calls.length, tests: tests.mock.calls.length };
    if (found === null) throw new Error("no route");
    return cost;
  } finally {
    lookups.mockRestore();
    checks.mockRestore();
    tests.mockRestore();
  }
}

const many = (make: (i: number) => RouteParts) => Array.from({ length: 10_000 }, (_, i) => make(i));
const pattern = (i: number) => [{ name: "x", kind: "regex", source: `^${i}$` }] as const;

test.each<[string, (i: number) => RouteParts, Parameters<typeof exchangeOf>[0]]>([
  ["exact paths", (i) => ({ path: `/p${i}` }), { target: "/p0" }],
  ["prefixes", (i) => ({ path: `/p${10_000 + i}/*` }), { target: "/p10000/a/b" }],
  ["parameters", (i) => ({ path: `/p${i}/:id` }), { target: "/p0/5" }],
  ["hosts", (i) => ({ hosts: [`h${i}.com`] }), { host: "h0.com" }],
  ["wildcard hosts", (i) => ({ hosts: [`*.h${i}.com`] }), { host: "x.h0.com" }],
  [
    "patterns on paths of their own",
    (i) => ({ path: `/p${i}`, headers: [...pattern(i)] }),
    { target: "/p0", headers: { x: "0" } },
  ],
])("10,000 %s take as many lookups as one", (_, make, request) => {
  const one = costOf([make(0)], request);
  expect(costOf(many(make), request)).toEqual(one);
  expect(one.lookups).toBeLessThanOrEqual(5);
});

test("a hostile path or host costs no more than the configured ones are long", () => {
  const routes = [{ path: "/a/b/*", hosts: ["*.example.com"] }, { path: "/:x/:y/*" }, { path: "/*" }];
  const request = { target: `/${"a/".repeat(5_000)}`, host: `${"a.".repeat(5_000)}com` };
  expect(costOf(routes, request).lookups).toBeLessThan(10);
});
