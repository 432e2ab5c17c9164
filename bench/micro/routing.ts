/** ns for each match, with one route and with 10,000: `bun bench/micro/routing.ts`. */
import type { Exchange } from "../../src/model/exchange.ts";
import { RouteMatcher } from "../../src/proxy/routing/route-matcher.ts";
import { exchangeOf, routeOf, type RequestParts, type RouteParts } from "../../test/routing/requests.ts";

const MANY = 10_000;
const ROUNDS = 300_000;

const cases: ReadonlyArray<[string, (i: number) => RouteParts, (i: number) => RequestParts]> = [
  ["exact path", (i) => ({ path: `/service-${i}/list` }), (i) => ({ target: `/service-${i}/list?page=2` })],
  ["prefix", (i) => ({ path: `/service-${i}/*` }), (i) => ({ target: `/service-${i}/users/5` })],
  ["parameters", (i) => ({ path: `/service-${i}/:id` }), (i) => ({ target: `/service-${i}/5` })],
  ["host", (i) => ({ hosts: [`h${i}.example.com`] }), (i) => ({ target: "/users/5", host: `h${i}.example.com` })],
  ["wildcard host", (i) => ({ hosts: [`*.h${i}.com`] }), (i) => ({ target: "/users/5", host: `www.h${i}.com` })],
];

function nsPerMatch(matcher: RouteMatcher<ReturnType<typeof routeOf>>, exchanges: readonly Exchange[]): number {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 5; run++) {
    const start = Bun.nanoseconds();
    for (let i = 0; i < ROUNDS; i++)
      if (matcher.match(exchanges[i % exchanges.length]!) === null) throw new Error("no route");
    best = Math.min(best, (Bun.nanoseconds() - start) / ROUNDS);
  }
  return best;
}

for (const [name, route, request] of cases) {
  const indexes = Array.from({ length: MANY }, (_, i) => i);
  const one = new RouteMatcher([routeOf(route(0))]);
  const many = new RouteMatcher(indexes.map((i) => routeOf(route(i))));
  // The same 512 requests again and again for one route, spread over all for many: caches miss as they would.
  const toOne = Array.from({ length: 512 }, () => exchangeOf(request(0)));
  const toMany = Array.from({ length: 512 }, (_, i) => exchangeOf(request((i * 7919) % MANY)));
  const [a, b, c] = [nsPerMatch(one, toOne), nsPerMatch(many, toOne), nsPerMatch(many, toMany)].map(Math.round);
  console.log(`${name.padEnd(14)} 1 route ${a} ns   10,000 routes ${b} ns (same request) ${c} ns (spread)`);
}
