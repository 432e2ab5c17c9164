import { expect, test } from "bun:test";
import fc from "fast-check";
import { RouteMatcher } from "../../src/proxy/routing/route-matcher.ts";
import { naiveMatch } from "./naive-matcher.ts";
import { exchangeOf, routeOf } from "./requests.ts";

const segment = fc.constantFrom("a", "b", "ab", ":x", ":y", "");
const path = fc
  .tuple(fc.array(segment, { maxLength: 4 }), fc.boolean())
  .map(
    ([segments, isPrefix]) =>
      `/${[...segments.filter((s, i) => s !== "" || i === segments.length - 1), ...(isPrefix ? ["*"] : [])].join("/")}`,
  )
  // An empty segment in front of the star would be a double slash in the request.
  .filter((text) => !text.includes("//"));
const hosts = fc.array(fc.constantFrom("a.com", "x.a.com", "*.a.com", "*.x.a.com", "*.com"), { maxLength: 2 });
const route = fc.record({
  path,
  hosts,
  methods: fc.subarray(["GET", "POST"]),
  headers: fc
    .subarray([
      { name: "x-a", kind: "present" },
      { name: "x-b", kind: "present" },
    ] as const)
    .map((list) => [...list]),
  priority: fc.constantFrom(0, 0, 1),
});
const request = fc.record({
  target: fc
    .array(fc.constantFrom("a", "b", "ab", "c"), { maxLength: 5 })
    .chain((s) => fc.constantFrom(`/${s.join("/")}`, `/${[...s, ""].join("/")}`)),
  host: fc.constantFrom("a.com", "x.a.com", "y.x.a.com", "y.a.com", "b.com", "com"),
  method: fc.constantFrom("GET", "POST", "PUT"),
  headers: fc.subarray(["X-A", "X-B"]).map((names) => Object.fromEntries(names.map((name) => [name, "1"]))),
});

test("the indexed matcher chooses what the rules, read one after the other, choose", () => {
  let hits = 0;
  fc.assert(
    fc.property(
      fc.array(route, { maxLength: 25 }),
      fc.array(request, { minLength: 1, maxLength: 8 }),
      (parts, requests) => {
        const routes = parts.map((part, i) => routeOf({ id: String(i), ...part }));
        const matcher = new RouteMatcher(routes);
        for (const one of requests.filter(({ target }) => !target.includes("//"))) {
          const expected = naiveMatch(routes, exchangeOf(one));
          if (expected !== null) hits++;
          expect(matcher.match(exchangeOf(one))).toBe(expected);
        }
      },
    ),
    { numRuns: 1500 },
  );
  expect(hits).toBeGreaterThan(1000);
});

test("no target makes it throw or answer with a route that a plain spelling would not get", () => {
  const matcher = new RouteMatcher([routeOf({ path: "/public/*" }), routeOf({ path: "/admin/:id" })]);
  const bits = fc.constantFrom(
    "/",
    "..",
    ".",
    "%2f",
    "%2e",
    "%5C",
    "\\",
    "public",
    "admin",
    "%",
    "%zz",
    "\xff",
    "?",
    ";",
    "5",
  );
  fc.assert(
    fc.property(fc.array(bits, { maxLength: 10 }), (parts) => {
      const target = `/${parts.join("")}`;
      const found = matcher.match(exchangeOf({ target }));
      if (found === null || typeof found === "symbol") return;
      // What a server that decodes, merges and resolves everything would open.
      const opened = target
        .split("?")[0]!
        .replace(/%2f|%5c|\\/gi, "/")
        .replace(/%2e/gi, ".");
      const { pathname } = new URL(opened.replace(/\/+/g, "/"), "http://h");
      expect(pathname.split("/")[1]).toBe(found.spec.id.split("/")[1]!);
    }),
    { numRuns: 3000 },
  );
});
