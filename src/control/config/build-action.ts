import { isSafeValue } from "../../model/header-map.ts";
import type { HashKeySpec, RouteAction } from "../../model/snapshot-spec.ts";
import { readable, type BuildContext } from "./build-context.ts";
import { parseHashKey } from "./build-upstreams.ts";
import { DEFAULTS } from "./defaults.ts";
import type { ConfigPath } from "./diagnostics.ts";
import { didYouMean } from "../../contract/edit-distance.ts";
import { nameOfUrl } from "./url-upstreams.ts";
import type { RouteConfig, SplitConfig } from "./schema-routes.ts";
import { buildFields } from "./build-fields.ts";

const ACTIONS = ["upstream", "split", "redirect", "respond"] as const;
const FORWARD_ONLY = ["stripPath", "rewritePath", "preserveHost", "timeout", "totalMs", "maxBodySize"] as const;
/** The cookie that a bare `by: cookie` reads. */
export const SPLIT_COOKIE = "sluice_split";

/** The names a route may point at; asked for so that unused ones can be told. */
export interface UpstreamNames {
  has(name: string): boolean;
  used(name: string): void;
  readonly all: Iterable<string>;
}

export function buildAction(
  route: RouteConfig,
  path: ConfigPath,
  context: BuildContext,
  names: UpstreamNames,
): RouteAction | null {
  const given = ACTIONS.filter((key) => context.has([...path, key]));
  if (given.length !== 1) {
    const problem =
      given.length === 0 ? "a route needs something to do" : `a route does one thing, not ${given.join(" and ")}`;
    context.error(given.length === 0 ? path : [...path, given[1]!], problem, `exactly one of ${ACTIONS.join(", ")}`);
    return null;
  }
  if (route.redirect === undefined && route.respond === undefined) return forward(route, path, context, names);
  for (const key of FORWARD_ONLY) {
    if (route[key] !== undefined)
      context.error([...path, key], `means nothing on a route that answers by itself`, "remove it");
  }
  if (route.redirect !== undefined) return redirect(route, path, context);
  const { status = 200, body = "", headers } = route.respond!;
  return { kind: "respond", status, body, headers: buildFields(headers, [...path, "respond", "headers"], context) };
}

function forward(route: RouteConfig, path: ConfigPath, context: BuildContext, names: UpstreamNames): RouteAction {
  const targets =
    route.split === undefined
      ? onlyTarget(route, path, context, names)
      : splitTargets(route.split, path, context, names);
  if (route.stripPath !== undefined && route.rewritePath !== undefined) {
    context.error([...path, "rewritePath"], "give either stripPath or rewritePath, not both");
  }
  return {
    kind: "forward",
    targets,
    splitBy: splitKey(route.split?.by, path, context),
    stripPath: route.stripPath === undefined ? null : stripPath(route.stripPath, route.path ?? "/*", path, context),
    rewritePath:
      route.rewritePath === undefined ? null : rewritePath(route.rewritePath, route.path ?? "/*", path, context),
    preserveHost: route.preserveHost ?? null,
  };
}

function onlyTarget(route: RouteConfig, path: ConfigPath, context: BuildContext, names: UpstreamNames) {
  if (route.upstream === undefined) return [];
  const upstream = nameOfUrl(route.upstream) ?? route.upstream;
  refer(upstream, [...path, "upstream"], context, names);
  return [{ upstream, weight: 1 }];
}

function splitTargets(split: SplitConfig, path: ConfigPath, context: BuildContext, names: UpstreamNames) {
  const at: ConfigPath = [...path, "split", "targets"];
  const targets = readable(split.targets).map(({ item, index }) => {
    if (item.upstream !== undefined) refer(item.upstream, [...at, index, "upstream"], context, names);
    return { upstream: item.upstream, weight: item.weight ?? 1 };
  });
  if (split.targets?.length === 0) context.error(at, "a split needs targets");
  else if (targets.length > 0 && targets.every(({ weight }) => weight === 0))
    context.error(at, "every weight is 0: nothing would get traffic");
  return targets;
}

function refer(name: string, path: ConfigPath, context: BuildContext, names: UpstreamNames): void {
  names.used(name);
  if (!names.has(name)) context.error(path, `no upstream is called "${name}"`, didYouMean(name, names.all));
}

function splitKey(by: string | undefined, path: ConfigPath, context: BuildContext): HashKeySpec | null {
  if (by === undefined) return null;
  if (by === "cookie") return { kind: "cookie", name: SPLIT_COOKIE };
  return parseHashKey(by, [...path, "split", "by"], context);
}

function stripPath(strip: string, matched: string, path: ConfigPath, context: BuildContext): string {
  const plain = strip.replace(/\/\*?$/, "");
  const at: ConfigPath = [...path, "stripPath"];
  const target = matched.replace(/\/\*$/, "");
  if (!strip.startsWith("/") || !isSafeValue(strip))
    context.error(at, `expected a path such as /users, got ${JSON.stringify(strip)}`);
  else if (target !== plain && !target.startsWith(`${plain}/`)) {
    context.error(
      at,
      `${JSON.stringify(strip)} is not the beginning of the route's path ${JSON.stringify(matched)}`,
      "whole segments count",
    );
  }
  return plain === "" ? "/" : plain;
}

function rewritePath(template: string, matched: string, path: ConfigPath, context: BuildContext): string {
  const at: ConfigPath = [...path, "rewritePath"];
  if (!template.startsWith("/") || /[\p{Cc} #\\]/u.test(template)) {
    context.error(at, `expected a path such as /v2/:id or /v2/*, got ${JSON.stringify(template)}`);
  }
  const known = matched.split("/").filter((segment) => segment.startsWith(":"));
  for (const [used] of template.matchAll(/:[A-Za-z_][\w-]*/g)) {
    if (!known.includes(used)) context.error(at, `the route's path has no parameter ${used}`, didYouMean(used, known));
  }
  if (template.includes("*") && !matched.endsWith("/*"))
    context.error(at, `"*" is what the path's "/*" leaves over, and ${matched} has none`);
  return template;
}

const PLACEHOLDERS = ["scheme", "host", "authority", "path", "query"];

function redirect(route: RouteConfig, path: ConfigPath, context: BuildContext): RouteAction | null {
  const { to, status = DEFAULTS.redirectStatus } = route.redirect!;
  if (to === undefined) return null;
  const at: ConfigPath = [...path, "redirect", "to"];
  if (to === "" || !isSafeValue(to) || /\s/.test(to)) {
    context.error(
      at,
      `${JSON.stringify(to)} cannot stand in a Location: no spaces, line breaks, control characters or characters above U+00FF`,
    );
  }
  for (const [whole, word = ""] of to.matchAll(/\{([^}]*)\}/g)) {
    const param = /^param\.(.+)$/.exec(word)?.[1];
    const isKnown =
      param === undefined ? PLACEHOLDERS.includes(word) : (route.path ?? "").split("/").includes(`:${param}`);
    if (!isKnown)
      context.error(at, `${whole} is not known here`, `{${PLACEHOLDERS.join("}, {")}} or {param.NAME} of the path`);
  }
  return { kind: "redirect", to, status };
}
