import type { RouteSpec } from "../../model/snapshot-spec.ts";
import { type Condition, compileConditions } from "./conditions.ts";
import { PathPattern } from "./path-pattern.ts";

/** A route as the matcher works with it. */
export interface Entry<R> {
  readonly route: R;
  readonly pattern: PathPattern;
  readonly conditions: readonly Condition[];
  readonly priority: number;
  /** Place in the file. */
  readonly order: number;
  /** Place among all routes by everything but the host: of two that match a request on the same host, the lower one wins. */
  rank: number;
}

/** What can decide between two routes whose hosts are equally specific, in the order in which it is asked. */
export type Criterion = "origin" | "path" | "conditions" | "priority" | "order";

interface HasSpec {
  readonly spec: RouteSpec;
}

/** All routes, most specific first; those of providers last of all. */
export function rankRoutes<R extends HasSpec>(routes: readonly R[]): Entry<R>[] {
  const entries = routes.map((route, order): Entry<R> => {
    const { match, priority } = route.spec;
    const conditions = compileConditions(match);
    return { route, pattern: new PathPattern(match.path), conditions, priority, order, rank: 0 };
  });
  entries.sort((a, b) => compare(a, b).difference);
  entries.forEach((entry, rank) => (entry.rank = rank));
  return entries;
}

/** `difference` below zero: `a` wins, by `criterion`. */
export function compare(a: Entry<HasSpec>, b: Entry<HasSpec>): { difference: number; criterion: Criterion } {
  const [foundA, foundB] = [a, b].map(({ route }) => Number(route.spec.isDiscovered));
  if (foundA !== foundB) return { difference: foundA! - foundB!, criterion: "origin" };
  const path = comparePaths(a.pattern, b.pattern);
  if (path !== 0) return { difference: path, criterion: "path" };
  const conditions = b.conditions.length - a.conditions.length;
  if (conditions !== 0) return { difference: conditions, criterion: "conditions" };
  if (a.priority !== b.priority) return { difference: b.priority - a.priority, criterion: "priority" };
  return { difference: a.order - b.order, criterion: "order" };
}

/**
 * Exact, then parameters with more literal segments, then the longest prefix. A pattern with parameters and a trailing
 * `/*` is a prefix: otherwise `/:tenant/*` would win over `/api/*`. Of prefixes equally long, more literal segments win.
 */
function comparePaths(a: PathPattern, b: PathPattern): number {
  const kind = kindOf(a) - kindOf(b);
  if (kind !== 0 || kindOf(a) === 0) return kind;
  const length = a.isPrefix ? b.segments.length - a.segments.length : 0;
  return length !== 0 ? length : b.literals - a.literals;
}

function kindOf(pattern: PathPattern): number {
  return pattern.isPrefix ? 2 : pattern.hasParams ? 1 : 0;
}
