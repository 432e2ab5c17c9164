import type { ListenerSpec, RouteSpec } from "../../model/snapshot-spec.ts";
import { readable, type BuildContext } from "./build-context.ts";
import { buildAction, type UpstreamNames } from "./build-action.ts";
import { buildMatch } from "./build-match.ts";
import { BACKEND, type BuiltUpstream } from "./build-upstreams.ts";
import { closesRoute } from "./closed-routes.ts";
import type { ConfigPath } from "./diagnostics.ts";
import { deriveRouteId } from "./route-id.ts";
import type { RouteConfig } from "./schema-routes.ts";

/** Slots are not given yet: a configuration that is refused must not use them up. */
export type UnslottedRoute = Omit<RouteSpec, "slot">;

interface Unnamed {
  readonly route: Omit<UnslottedRoute, "id">;
  readonly name: string | undefined;
  readonly path: ConfigPath;
}

export function buildRoutes(
  context: BuildContext,
  listeners: readonly ListenerSpec[],
  upstreams: readonly BuiltUpstream[],
): UnslottedRoute[] {
  const used = new Set<string>();
  const known = new Set(upstreams.map(({ spec }) => spec.name).filter((name) => name !== undefined));
  const names: UpstreamNames = { has: (name) => known.has(name), used: (name) => used.add(name), all: known };
  const listenerNames = new Set(listeners.map(({ name }) => name));
  const built: Unnamed[] = [];
  for (const { item, index } of readable(context.config.routes)) {
    if (item.enabled === false) continue;
    const path: ConfigPath = ["routes", index];
    const action = buildAction(item, path, context, names);
    const match = buildMatch(item, path, context, listenerNames);
    if (action !== null)
      built.push({ route: { ...routeOf(item, path, context), match, action }, name: item.name, path });
  }
  if (context.config.backend !== undefined) {
    built.push({ route: catchAll(context), name: undefined, path: ["backend"] });
    used.add(BACKEND);
  }
  // What could not be read looks like something else: these would warn of what is not so.
  if (!context.hasErrors) {
    warnOfTwins(built, context);
    warnOfUnused(upstreams, used, context);
  }
  return withIds(built, context);
}

type Plain = Omit<RouteSpec, "slot" | "id" | "match" | "action">;

function routeOf(route: RouteConfig, path: ConfigPath, context: BuildContext): Plain {
  const place = context.place(path);
  return {
    priority: route.priority ?? 0,
    timeoutMs: route.timeout ?? null,
    totalMs: route.totalMs ?? null,
    maxBodyBytes: route.maxBodySize ?? null,
    plugins: [],
    labels: {},
    auth: closesRoute(route, path, context) ? "closed" : "none",
    origin: place === null ? "file" : `file:${place}`,
  };
}

function catchAll(context: BuildContext): Unnamed["route"] {
  return {
    ...routeOf({}, ["backend"], context),
    match: { hosts: [], path: "/*", methods: [], headers: [], query: [], scheme: null, listeners: [] },
    action: {
      kind: "forward",
      targets: [{ upstream: BACKEND, weight: 1 }],
      splitBy: null,
      stripPath: null,
      rewritePath: null,
      preserveHost: null,
    },
  };
}

/** Given names first: a derived one makes way for them. */
function withIds(built: readonly Unnamed[], context: BuildContext): UnslottedRoute[] {
  const taken = new Set<string>();
  for (const { name, path } of built) {
    if (name === undefined) continue;
    if (taken.has(name)) context.error([...path, "name"], `another route is called "${name}"`);
    taken.add(name);
  }
  return built.map(({ route, name }) => {
    const id = name ?? deriveRouteId(route.match, taken);
    taken.add(id);
    return { id, ...route };
  });
}

function warnOfUnused(upstreams: readonly BuiltUpstream[], used: ReadonlySet<string>, context: BuildContext): void {
  for (const { spec, path } of upstreams) {
    if (!used.has(spec.name)) context.warn([...path, "name"], `no route uses the upstream "${spec.name}"`);
  }
}

function warnOfTwins(built: readonly Unnamed[], context: BuildContext): void {
  const seen = new Map<string, string>();
  for (const { route, path } of built) {
    const { match, priority } = route;
    const key = JSON.stringify([
      priority,
      match.path.replaceAll(/:[^/]+/g, ":"),
      match.scheme,
      ...[match.hosts, match.methods, match.listeners].map((list) => list.toSorted()),
      ...[match.headers, match.query].map((fields) => fields.map((field) => JSON.stringify(field)).sort()),
    ]);
    const first = seen.get(key);
    if (first === undefined) seen.set(key, path.join("."));
    else context.warn(path, `matches the same requests as ${first}, which stands first and takes them all`);
  }
}
