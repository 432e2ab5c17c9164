import type { Exchange } from "../../model/exchange.ts";
import type { RouteSpec } from "../../model/snapshot-spec.ts";
import { HostIndex } from "./host-index.ts";
import { PathIndex } from "./path-index.ts";
import { climbs, decodeForMatching, isPlain, otherReadings } from "./path-readings.ts";
import { type Entry, rankRoutes } from "./precedence.ts";
import { pathOf } from "./query-string.ts";

/** The request can be read in two ways that lead to different routes: refuse it. */
export const AMBIGUOUS: unique symbol = Symbol("ambiguous");

/**
 * Finds the route of a request: host exact, then the longest wildcard, then any; on that host path exact, then parameters,
 * then the longest prefix; then more conditions, higher priority, file order. When nothing matches on a host, the next less
 * specific one is asked.
 */
export class RouteMatcher<R extends { readonly spec: RouteSpec }> {
  readonly #hosts = new HostIndex<PathIndex<R>>();
  /** Of what providers have found: asked when nothing else matches. */
  #found: HostIndex<PathIndex<R>> | null = null;

  /** @throws SyntaxError when a condition's regular expression is not one. */
  constructor(routes: readonly R[]) {
    for (const entry of rankRoutes(routes)) {
      const { match, isDiscovered } = entry.route.spec;
      const index = isDiscovered ? (this.#found ??= new HostIndex()) : this.#hosts;
      for (const host of match.hosts.length === 0 ? [""] : new Set(match.hosts))
        index.ensure(host, () => new PathIndex()).add(entry);
    }
  }

  /** Sets `exchange.params` where the path has parameters. */
  match(exchange: Exchange): R | null | typeof AMBIGUOUS {
    const { target } = exchange.outgoing;
    // `OPTIONS *` is about the server, not a path: only `/*` speaks for everything.
    const path = target === "*" ? "" : pathOf(target);
    const found = isPlain(path) ? this.#select(path, exchange) : this.#agreed(decodeForMatching(path), exchange);
    if (found === null || found === AMBIGUOUS) return found;
    if (found.pattern.hasParams) exchange.params = found.pattern.paramsOf(path);
    return found.route;
  }

  /** The route that every reading of the path leads to. */
  #agreed(path: string, exchange: Exchange): Entry<R> | null | typeof AMBIGUOUS {
    const chosen = this.#select(path, exchange);
    const others = otherReadings(path);
    if (others === null) return chosen;
    // A reading without a route shows that the request leaves what the route exposes (`/public/..%2fsecret`), unless it has
    // no dot segments: then a slash inside a parameter (`/projects/group%2Fname`) is just that.
    const mayMiss = chosen !== null && !climbs(path);
    for (const reading of others) {
      const other = this.#select(reading, exchange);
      if (other !== chosen && !(mayMiss && other === null)) return AMBIGUOUS;
    }
    return chosen;
  }

  #select(path: string, exchange: Exchange): Entry<R> | null {
    const own = selectIn(this.#hosts, path, exchange);
    return own !== null || this.#found === null ? own : selectIn(this.#found, path, exchange);
  }
}

function selectIn<R>(hosts: HostIndex<PathIndex<R>>, path: string, exchange: Exchange): Entry<R> | null {
  const { host } = exchange;
  const exact = hosts.exact(host)?.find(path, exchange) ?? null;
  if (exact !== null) return exact;
  for (let at = hosts.nextSuffix(host, -1); at > 0; at = hosts.nextSuffix(host, at)) {
    const found = hosts.suffix(host, at).find(path, exchange);
    if (found !== null) return found;
  }
  return hosts.any === null ? null : hosts.any.find(path, exchange);
}
