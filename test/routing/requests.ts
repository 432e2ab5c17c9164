import { Exchange } from "../../src/model/exchange.ts";
import { HeaderMap } from "../../src/model/header-map.ts";
import type { MatchSpec, RouteSpec } from "../../src/model/snapshot-spec.ts";
import { AMBIGUOUS, RouteMatcher } from "../../src/proxy/routing/route-matcher.ts";

export interface RequestParts {
  readonly method?: string;
  readonly host?: string;
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly scheme?: "http" | "https";
  readonly listener?: string;
  readonly clientIp?: string;
  readonly startedAt?: number;
}

export function exchangeOf(parts: RequestParts = {}): Exchange {
  const { method = "GET", host = "example.com", target = "/", headers = {}, clientIp = "192.0.2.1" } = parts;
  return new Exchange({
    received: {
      method,
      target,
      authority: host,
      version: "1.1",
      headers: new HeaderMap(Object.keys(headers), Object.values(headers)),
    },
    scheme: parts.scheme ?? "http",
    host,
    peer: { address: clientIp, port: 1, trusted: false },
    listener: parts.listener ?? "web",
    requestBody: null,
    upgrade: null,
    startedAt: parts.startedAt ?? 0,
    origins: { clientIp: () => clientIp, requestId: () => "id" },
  });
}

export interface TestRoute {
  readonly spec: RouteSpec;
}

export type RouteParts = Partial<MatchSpec> & { id?: string; priority?: number };

/** A route whose id is its path unless it is given one. */
export function routeOf({ id, priority = 0, ...match }: RouteParts): TestRoute {
  const anything: MatchSpec = {
    hosts: [],
    path: "/*",
    methods: [],
    headers: [],
    query: [],
    scheme: null,
    listeners: [],
  };
  return {
    spec: {
      id: id ?? match.path ?? "/*",
      slot: 0,
      match: { ...anything, ...match },
      priority,
      action: { kind: "respond", status: 200, body: "", headers: [] },
      timeoutMs: null,
      totalMs: null,
      maxBodyBytes: null,
      rateLimits: [],
      maxInFlight: null,
      importance: 1,
      plugins: [],
      labels: {},
      isDiscovered: false,
      origin: "file",
    },
  };
}

/** The id of the route that gets the request, "none" or "ambiguous". */
export function chosen(routes: readonly RouteParts[], request: RequestParts): string {
  const found = new RouteMatcher(routes.map(routeOf)).match(exchangeOf(request));
  if (found === AMBIGUOUS) return "ambiguous";
  return found === null ? "none" : found.spec.id;
}

/** mulberry32: draws that are the same in every run. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
