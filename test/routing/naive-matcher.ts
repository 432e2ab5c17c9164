import type { Exchange } from "../../src/model/exchange.ts";
import type { RouteSpec } from "../../src/model/snapshot-spec.ts";
import type { TestRoute } from "./requests.ts";

/** The rules of interfaces.md, read literally and slowly, for plain paths and conditions on method and header. */
export function naiveMatch(routes: readonly TestRoute[], exchange: Exchange): TestRoute | null {
  const fitting = routes
    .map((route, order) => ({ route, key: [...keyOf(route.spec, exchange), order] }))
    .filter(({ route }) => fits(route.spec, exchange));
  fitting.sort((a, b) => compareKeys(a.key, b.key));
  return fitting[0]?.route ?? null;
}

function compareKeys(a: readonly number[], b: readonly number[]): number {
  const i = a.findIndex((value, at) => value !== b[at]);
  return i < 0 ? 0 : a[i]! - b[i]!;
}

/** Lower comes first. */
function keyOf({ match, priority }: RouteSpec, exchange: Exchange): number[] {
  const segments = match.path.split("/").slice(1);
  const isPrefix = segments.at(-1) === "*";
  const named = isPrefix ? segments.slice(0, -1) : segments;
  const literals = named.filter((segment) => !segment.startsWith(":")).length;
  const kind = isPrefix ? 2 : literals < named.length ? 1 : 0;
  const host =
    match.hosts.length === 0 ? 0 : Math.max(...match.hosts.map((pattern) => hostScore(pattern, exchange.host)));
  const conditions = match.methods.length > 0 ? 1 : 0;
  return [-host, kind, isPrefix ? -named.length : 0, -literals, -(conditions + match.headers.length), -priority];
}

function hostScore(pattern: string, host: string): number {
  if (pattern === host) return 1000;
  return pattern.startsWith("*.") && host.length > pattern.length - 1 && host.endsWith(pattern.slice(1))
    ? pattern.length
    : -1;
}

function fits({ match }: RouteSpec, exchange: Exchange): boolean {
  const { method, target, headers } = exchange.received;
  if (match.hosts.length > 0 && !match.hosts.some((pattern) => hostScore(pattern, exchange.host) > 0)) return false;
  if (match.methods.length > 0 && !match.methods.includes(method)) return false;
  if (!match.headers.every((field) => headers.has(field.name))) return false;
  return pathFits(match.path.split("/").slice(1), target.split("/").slice(1));
}

function pathFits(pattern: readonly string[], path: readonly string[]): boolean {
  const isPrefix = pattern.at(-1) === "*";
  const named = isPrefix ? pattern.slice(0, -1) : pattern;
  if (isPrefix ? path.length < named.length : path.length !== named.length) return false;
  return named.every((segment, i) => (segment.startsWith(":") ? path[i] !== "" : segment === path[i]));
}
