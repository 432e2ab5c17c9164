import type { ListenerSpec, PluginInstanceSpec, PluginUseSpec, RouteSpec } from "../../model/snapshot-spec.ts";
import { gateOf, importanceOf } from "./build-admission.ts";
import { readable, type BuildContext } from "./build-context.ts";
import { buildRouteRateLimits, nameRateLimits } from "./build-rate-limits.ts";
import { buildAction, type UpstreamNames } from "./build-action.ts";
import { buildMatch } from "./build-match.ts";
import { BACKEND, type BuiltUpstream } from "./build-upstreams.ts";
import type { ConfigPath } from "./diagnostics.ts";
import { mentionedUpstreams } from "./mentioned-upstreams.ts";
import { deriveRouteId } from "./route-id.ts";
import type { RouteConfig } from "./schema-routes.ts";

/** Slots are not given yet: a configuration that is refused must not use them up. */
export type UnslottedRoute = Omit<RouteSpec, "slot">;

interface Unnamed {
  readonly route: Omit<UnslottedRoute, "id">;
  readonly name: string | undefined;
  readonly path: ConfigPath;
}

/** Each route's uses, by its place in the file; `all`: of what stands in no list of routes. */
export interface RoutePlugins {
  readonly all: PluginUseSpec[];
  readonly routes: ReadonlyMap<number, PluginUseSpec[]>;
  readonly instances: readonly PluginInstanceSpec[];
}

export function buildRoutes(
  context: BuildContext,
  listeners: readonly ListenerSpec[],
  { upstreams, plugins }: { upstreams: readonly BuiltUpstream[]; plugins: RoutePlugins },
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
      built.push({
        route: { ...routeOf(item, path, context, plugins.routes.get(index) ?? []), match, action },
        name: item.name,
        path,
      });
  }
  if (context.config.backend !== undefined) {
    built.push({ route: catchAll(context, plugins.all), name: undefined, path: ["backend"] });
    used.add(BACKEND);
  }
  for (const { config } of plugins.instances) for (const name of mentionedUpstreams(config)) used.add(name);
  // What could not be read looks like something else: these would warn of what is not so.
  if (!context.hasErrors) {
    warnOfTwins(built, context);
    warnOfUnused(upstreams, used, context);
  }
  return withIds(built, context);
}

type Plain = Omit<RouteSpec, "slot" | "id" | "match" | "action">;

function routeOf(route: RouteConfig, path: ConfigPath, context: BuildContext, plugins: PluginUseSpec[]): Plain {
  return {
    priority: route.priority ?? 0,
    timeoutMs: route.timeout ?? null,
    totalMs: route.totalMs ?? null,
    maxBodyBytes: route.maxBodySize ?? null,
    rateLimits: buildRouteRateLimits(route.rateLimit, path, context, plugins.length > 0),
    maxInFlight: gateOf(route.maxInFlight),
    importance: importanceOf(route),
    plugins,
    labels: Object.fromEntries(Object.entries(route.labels ?? {}).filter(([, value]) => value !== undefined)),
    isDiscovered: context.providerOf(path) !== null,
    origin: context.originOf(path),
  };
}

function catchAll(context: BuildContext, plugins: PluginUseSpec[]): Unnamed["route"] {
  return {
    ...routeOf({}, ["backend"], context, plugins),
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
    return { id, ...route, rateLimits: nameRateLimits(route.rateLimits, id) };
  });
}

function warnOfUnused(upstreams: readonly BuiltUpstream[], used: ReadonlySet<string>, context: BuildContext): void {
  for (const { spec, path } of upstreams) {
    if (!used.has(spec.name) && context.providerOf(path) === null)
      context.warn([...path, "name"], `no route uses the upstream "${spec.name}"`);
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
    else if (!route.isDiscovered)
      context.warn(path, `matches the same requests as ${first}, which stands first and takes them all`);
  }
}
