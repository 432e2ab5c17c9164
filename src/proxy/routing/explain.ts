import type { Exchange } from "../../model/exchange.ts";
import type { MatchSpec, RouteSpec } from "../../model/snapshot-spec.ts";
import { compileConditions } from "./conditions.ts";
import { compare, type Criterion, rankRoutes } from "./precedence.ts";
import { AMBIGUOUS, RouteMatcher } from "./route-matcher.ts";

interface HasSpec {
  readonly spec: RouteSpec;
}

export interface RouteVerdict {
  readonly id: string;
  /** `loses`: it matches, but another one is more specific. */
  readonly outcome: "wins" | "loses" | "differs";
  /** For people; "" for the winner. */
  readonly reasons: readonly string[];
}

export interface Explanation<R> {
  readonly winner: R | null;
  /** The request is refused: its path can be read in ways that lead to different routes. */
  readonly ambiguous: boolean;
  /** In configuration order. */
  readonly routes: readonly RouteVerdict[];
}

/**
 * Says of each route why it gets the request or not. It asks matchers of one or two routes, relaxed step by step, so that
 * there is one implementation of the rules. Slow: a matcher for every question.
 */
export function explainRoutes<R extends HasSpec>(routes: readonly R[], exchange: Exchange): Explanation<R> {
  const verdicts = (winner: R | null) =>
    routes.map((route): RouteVerdict => {
      const { id } = route.spec;
      if (route === winner) return { id, outcome: "wins", reasons: [] };
      const alone = new RouteMatcher([route]).match(exchange);
      if (alone === null) return { id, outcome: "differs", reasons: whyNot(route.spec, exchange) };
      const loses = alone === AMBIGUOUS || winner === null ? OTHER_READING : whyLess(winner.spec, route.spec, exchange);
      return { id, outcome: "loses", reasons: [loses] };
    });
  const matcher = new RouteMatcher(routes);
  const { params } = exchange;
  const found = matcher.match(exchange);
  const winner = found === AMBIGUOUS ? null : found;
  const explained = verdicts(winner);
  // Each question above may have set parameters of its own.
  exchange.params = params;
  matcher.match(exchange);
  return { winner, ambiguous: found === AMBIGUOUS, routes: explained };
}

const OTHER_READING = "another reading of the path leads to another route, or to none";

function whyNot(spec: RouteSpec, exchange: Exchange): readonly string[] {
  const { match } = spec;
  const reasons: string[] = [];
  if (!matches(exchange, relaxed(spec, { hosts: match.hosts })))
    reasons.push(`host ${exchange.host} is not ${match.hosts.join(" or ")}`);
  if (!matches(exchange, relaxed(spec, { path: match.path })))
    reasons.push(`path ${exchange.received.target} does not match ${match.path}`);
  for (const condition of compileConditions(match))
    if (!condition.holds(exchange)) reasons.push(condition.reason(exchange));
  return reasons;
}

const BECAUSE: Readonly<Record<Criterion, string>> = {
  origin: "is configured, and this one was found by a provider",
  path: "has a more specific path",
  conditions: "has more conditions",
  priority: "has a higher priority",
  order: "comes first",
};

function whyLess(winner: RouteSpec, loser: RouteSpec, exchange: Exchange): string {
  const [first, second] = [loser, winner].map((spec) => relaxed(spec, { hosts: spec.match.hosts }));
  // The loser stands first: if it still loses with everything else equal, its host decides.
  if (matches(exchange, first!, second!)?.spec === second!.spec) return `${winner.id} has a more specific host`;
  const [a, b] = rankRoutes([{ spec: winner }, { spec: loser }]);
  const isWinnerFirst = a!.route.spec === winner;
  const { criterion } = isWinnerFirst ? compare(a!, b!) : compare(b!, a!);
  return `${winner.id} ${BECAUSE[criterion]}`;
}

/** @returns the route that gets the exchange in at least one reading of its path; null: none does. */
function matches(exchange: Exchange, ...routes: readonly HasSpec[]): HasSpec | null {
  const found = new RouteMatcher(routes).match(exchange);
  return found === AMBIGUOUS ? routes[0]! : found;
}

/** A route that asks for nothing but `only`. */
function relaxed(spec: RouteSpec, only: Partial<MatchSpec>): HasSpec {
  const anything: MatchSpec = {
    hosts: [],
    path: "/*",
    methods: [],
    headers: [],
    query: [],
    scheme: null,
    listeners: [],
  };
  return { spec: { ...spec, isDiscovered: false, priority: 0, match: { ...anything, ...only } } };
}
