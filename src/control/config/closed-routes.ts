import type { BuildContext } from "./build-context.ts";
import type { ConfigPath } from "./diagnostics.ts";
import type { Config } from "./schema.ts";
import type { RouteConfig } from "./schema-routes.ts";

type PluginUse = NonNullable<RouteConfig["plugins"]>[number];

/**
 * A route whose protection is not there yet must not stand open: `auth: required`, and plugins (any of which may be what keeps
 * strangers out), unless they say themselves that the route may go on without them.
 */
export function closesRoute(route: RouteConfig, path: ConfigPath, context: BuildContext): boolean {
  // A value that could not be read is not "none".
  if (route.auth !== "required" && route.auth !== undefined && route.auth !== "none") return true;
  if (route.auth === "required") {
    context.warn(
      [...path, "auth"],
      "authentication comes in a later version: until then this route answers 401 to everyone",
    );
    return true;
  }
  const { plugins } = context.config;
  const skipped = new Set(route.skip);
  const everywhere = (plugins?.all ?? []).filter((use) => !skipped.has(nameOf(use)));
  if (everywhere.some((use) => mustRun(use, plugins))) {
    context.warn(
      ["plugins", "all"],
      "plugins come in a later version: until then the routes they stand before answer 401",
    );
    return true;
  }
  if (!(route.plugins ?? []).some((use) => mustRun(use, plugins))) return false;
  context.warn(
    [...path, "plugins"],
    "plugins come in a later version: until then this route answers 401",
    "onError: continue lets it go on without one",
  );
  return true;
}

function nameOf(use: PluginUse | undefined): string {
  return typeof use === "string" ? use : (use?.use ?? "");
}

/** Also follows a name to its definition. */
function mustRun(use: PluginUse | undefined, plugins: Config["plugins"]): boolean {
  if (use === undefined) return false;
  const full = typeof use === "string" ? plugins?.define?.[use] : use;
  return full === undefined || (full.enabled !== false && full.onError !== "continue");
}
