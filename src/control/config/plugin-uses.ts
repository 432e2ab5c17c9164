import { readable, type BuildContext } from "./build-context.ts";
import type { ConfigPath } from "./diagnostics.ts";
import type { RouteConfig } from "./schema-routes.ts";
import type { PluginUseConfig } from "./schema-plugins.ts";

/** One place where a configuration names a plugin, definitions looked up. */
export interface WrittenUse {
  /** As written: a definition's name, or a plugin's. */
  readonly label: string;
  readonly plugin: string;
  readonly path: ConfigPath;
  /** Where the plugin is named. */
  readonly namePath: ConfigPath;
  readonly with: unknown;
  readonly timeoutMs: number | undefined;
  readonly onError: "fail" | "continue" | undefined;
  readonly retrySetup: boolean;
  /** Where a part of `with` stands. */
  withPath(inner: ConfigPath): ConfigPath;
}

export interface WrittenRoute {
  readonly index: number;
  readonly uses: WrittenUse[];
}

export interface WrittenPlugins {
  readonly all: WrittenUse[];
  /** Of the routes that are enabled. */
  readonly routes: WrittenRoute[];
  /** Every plugin that is named anywhere, in what is switched off too. */
  readonly mentioned: ReadonlySet<string>;
}

type Written = string | PluginUseConfig | undefined;

/** What a configuration says about plugins, without a look at any. */
export function writtenPlugins(context: BuildContext): WrittenPlugins {
  const { config } = context;
  const all = usesIn(config.plugins?.all, ["plugins", "all"], context);
  const routes = readable(config.routes)
    .filter(({ item }) => item.enabled !== false)
    .map(({ item, index }) => ({ index, uses: usesOfRoute(item, index, { all, context }) }));
  warnOfUnusedDefinitions(context);
  return { all, routes, mentioned: mentionedIn(context) };
}

function usesOfRoute(
  route: RouteConfig,
  index: number,
  { all, context }: { all: readonly WrittenUse[]; context: BuildContext },
): WrittenUse[] {
  const path: ConfigPath = ["routes", index];
  const skip = new Set(route.skip ?? []);
  for (const { item, index: i } of readable(route.skip)) {
    if (!context.hasErrors && !namesIn(context).has(item))
      context.warn([...path, "skip", i], `"${item}" is not in plugins.all: there is nothing to skip`);
  }
  const kept = all.filter(({ label, plugin }) => !skip.has(label) && !skip.has(plugin));
  return [...authentication(route, path, context), ...kept, ...usesIn(route.plugins, [...path, "plugins"], context)];
}

/** `auth: required`: strangers are sent away before any other plugin sees them. */
function authentication(route: RouteConfig, path: ConfigPath, context: BuildContext): WrittenUse[] {
  if (route.auth !== "required") return [];
  const at: ConfigPath = [...path, "auth"];
  const { type = "apiKey", header = "X-API-Key", keys = [] } = context.config.security?.auth ?? {};
  if (type !== "apiKey") {
    const plugin = type === "basic" ? "basic-auth" : "jwt";
    const hint = type === "none" ? "remove auth: required" : `name the plugin ${plugin} in the route's plugins instead`;
    context.error(at, `security.auth.type is ${type}: auth: required asks for apiKey`, hint);
    return [];
  }
  if (keys.length === 0)
    context.warn(at, "security.auth has no keys: this route answers 401 to everyone", "add security.auth.keys");
  const use = {
    label: "key-auth",
    plugin: "key-auth",
    path: at,
    namePath: at,
    with: { header, keys },
    timeoutMs: undefined,
    onError: undefined,
    retrySetup: false,
    withPath: (inner: ConfigPath) => ["security", "auth", ...inner],
  };
  return [use];
}

function usesIn(list: readonly Written[] | undefined, path: ConfigPath, context: BuildContext): WrittenUse[] {
  const uses: WrittenUse[] = [];
  for (const [index, item] of (list ?? []).entries()) {
    const use = item === undefined ? null : useOf(item, [...path, index], context);
    if (use !== null) uses.push(use);
  }
  return uses;
}

/** null: switched off, or not readable. */
function useOf(written: string | PluginUseConfig, path: ConfigPath, context: BuildContext): WrittenUse | null {
  const own: PluginUseConfig = typeof written === "string" ? { use: written } : written;
  const namePath = typeof written === "string" ? path : [...path, "use"];
  if (own.use === undefined) return null;
  const definition = definitionOf(own.use, context);
  const merged = { ...definition, ...withoutUndefined(own) };
  if (merged.enabled === false) return null;
  const defined: ConfigPath = ["plugins", "define", own.use];
  const isOwn = (inner: ConfigPath) =>
    definition === undefined || (isMap(own.with) && Object.hasOwn(own.with, inner[0] ?? ""));
  return {
    label: own.use,
    plugin: definition?.use ?? own.use,
    path,
    namePath: definition === undefined ? namePath : [...defined, "use"],
    with: isMap(definition?.with) && isMap(own.with) ? { ...definition.with, ...own.with } : merged.with,
    timeoutMs: merged.timeoutMs,
    onError: merged.onError,
    retrySetup: merged.onSetupError === "retry",
    withPath: (inner) => [...(isOwn(inner) ? path : defined), "with", ...inner],
  };
}

function definitionOf(name: string, context: BuildContext): PluginUseConfig | undefined {
  const { define } = context.config.plugins ?? {};
  return define !== undefined && Object.hasOwn(define, name) ? define[name] : undefined;
}

function namesIn(context: BuildContext): Set<string> {
  const names = (context.config.plugins?.all ?? []).map((use) => (typeof use === "string" ? use : (use?.use ?? "")));
  return new Set(names.flatMap((name) => [name, definitionOf(name, context)?.use ?? name]));
}

function listsOf({ config }: BuildContext): Written[] {
  return [...(config.plugins?.all ?? []), ...readable(config.routes).flatMap(({ item }) => item.plugins ?? [])];
}

function mentionedIn(context: BuildContext): Set<string> {
  const defined = Object.values(context.config.plugins?.define ?? {}).map((use) => use?.use);
  const used = listsOf(context).map((use) => (typeof use === "string" ? use : use?.use));
  return new Set([...defined, ...used].filter((name) => name !== undefined));
}

function warnOfUnusedDefinitions(context: BuildContext): void {
  const used = new Set(listsOf(context).map((use) => (typeof use === "string" ? use : use?.use)));
  for (const name of Object.keys(context.config.plugins?.define ?? {})) {
    if (!used.has(name)) context.warn(["plugins", "define", name], `no route uses "${name}"`);
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function withoutUndefined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}
