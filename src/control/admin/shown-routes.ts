import type { RouteSpec, UpstreamSpec } from "../../model/snapshot-spec.ts";
import { deriveRouteId } from "../config/route-id.ts";
import { maskFree } from "../config/mask.ts";
import type { AdminPorts } from "./admin-ports.ts";
import type { JsonObject } from "./body.ts";
import type { ObjectShape, ShownObject } from "./config-objects.ts";
import { isName } from "./names.ts";
import { entryOf } from "./shown-config.ts";

/** Routes as FlexGate's users know them, and what Sluice knows beside that. */
export const ROUTES: ObjectShape = {
  kind: "route",
  path: "/api/routes",
  nameFor: derivedName,
  list(ports) {
    const upstreams = new Map(ports.spec.upstreams.map((upstream) => [upstream.name, upstream]));
    const served = ports.spec.routes.map((route) => shownRoute(route, upstreams, ports));
    return [...served, ...switchedOff(ports, new Set(served.map(({ id }) => id)))];
  },
};

/** The same match gives the same name, so that nobody makes one twice; another one that would read alike gets a hash. */
function derivedName({ host, path = "/*", methods }: JsonObject, others: readonly ShownObject[]): string {
  const match = { hosts: wordsOf(host), path: String(path), methods: wordsOf(methods) };
  const isTaken = (id: string) => others.some((other) => other.id === id && other.path !== match.path);
  const name = deriveRouteId({ ...match, headers: [], query: [], scheme: null, listeners: [] }, { has: isTaken });
  // What is wrong with such a path is told by the configuration.
  return isName(name) ? name : "route";
}

function shownRoute(route: RouteSpec, upstreams: ReadonlyMap<string, UpstreamSpec>, ports: AdminPorts): ShownObject {
  const { action, match, rateLimits } = route;
  const names = action.kind === "forward" ? action.targets.map(({ upstream }) => upstream) : [];
  const breaker = upstreams.get(names[0] ?? "")?.breaker;
  const settings = breaker?.upstream ?? breaker?.endpoint ?? null;
  const limit = rateLimits[0];
  return {
    id: route.id,
    path: match.path,
    hosts: match.hosts,
    methods: match.methods,
    action: action.kind,
    upstream: givenUpstream(route.id, ports) ?? names[0] ?? null,
    ...(names.length > 1 ? { upstreams: names } : {}),
    enabled: true,
    rateLimit: limit === undefined ? null : { requests: limit.max, window: windowOf(limit.windowMs) },
    circuitBreaker: { enabled: settings !== null, threshold: settings?.consecutiveFailures ?? null },
    origin: route.origin,
  };
}

/** As it was written: an address stays one. */
function givenUpstream(id: string, { stored }: AdminPorts): string | null {
  const { upstream } = (stored.get("route", id)?.value ?? {}) as JsonObject;
  return typeof upstream === "string" ? String(maskFree(upstream)) : null;
}

function switchedOff(ports: AdminPorts, served: ReadonlySet<string>): ShownObject[] {
  const off = ports.stored.list("route").filter(({ id }) => !served.has(id));
  return off.map(({ id }) => {
    const { path = "/*", host, upstream = null, methods, rateLimit, ...rest } = entryOf("route", id, ports) ?? {};
    const action = ["redirect", "respond"].find((kind) => kind in rest) ?? "forward";
    const shown = { id, path, hosts: wordsOf(host), methods: wordsOf(methods), action, upstream, enabled: false };
    return {
      ...shown,
      rateLimit: shownLimit([rateLimit ?? []].flat()[0] as JsonObject | undefined),
      circuitBreaker: { enabled: false, threshold: null },
      origin: "store",
    };
  });
}

function shownLimit(limit: JsonObject | undefined): JsonObject | null {
  if (limit === undefined) return null;
  return { requests: limit.max ?? limit.requests, window: windowOf(Number(limit.window ?? limit.windowMs)) };
}

function windowOf(ms: number): string {
  return `${ms / 1000}s`;
}

/** One or many, as configurations take them. */
function wordsOf(value: unknown): string[] {
  return [value ?? []].flat().filter((item) => typeof item === "string");
}
