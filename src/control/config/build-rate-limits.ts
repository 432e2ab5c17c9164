import type { RateKeySpec, RateLimitSpec, RateLimitsSpec } from "../../model/snapshot-spec.ts";
import { isToken } from "../../model/header-map.ts";
import { readable, type BuildContext } from "./build-context.ts";
import { DEFAULTS } from "./defaults.ts";
import type { ConfigPath } from "./diagnostics.ts";
import type { GlobalLimitConfig, RateLimitConfig } from "./schema-rate-limits.ts";

/** The whole of a burst must be back within this: what is counted is forgotten later (`HORIZON_US`). */
const LONGEST_REFILL_MS = 30 * 86_400_000;
/** Of routes: they are called `ROUTE/1`, which no route is. */
const GLOBAL = "global";

/** What stands for `rateLimit` at the top. */
export function buildRateLimits(context: BuildContext): RateLimitsSpec {
  const { rateLimit, redis } = context.config;
  const path: ConfigPath = ["rateLimit"];
  const isShared = rateLimit?.backend === "redis";
  const url = isShared ? redisUrlOf(rateLimit.redis?.url ?? redis?.url, path, context) : null;
  const global = rateLimit?.global;
  return {
    redis: url === null ? null : { url, timeoutMs: rateLimit?.redis?.timeout ?? DEFAULTS.rateLimits.redisTimeoutMs },
    maxKeys: rateLimit?.maxKeys ?? DEFAULTS.rateLimits.maxKeys,
    global: global === undefined ? null : limitOf(global, [...path, "global"], context, GLOBAL),
  };
}

function redisUrlOf(url: string | undefined, path: ConfigPath, context: BuildContext): string | null {
  const own = context.has([...path, "redis", "url"]);
  if (url === undefined) {
    // One that could not be read has had its error.
    if (!own && !context.has(["redis", "url"]))
      context.error([...path, "backend"], "redis needs an address", "add redis: { url: redis://host:6379 }");
    return null;
  }
  const at = own ? [...path, "redis", "url"] : ["redis", "url"];
  // Never quoted: it may hold a password.
  if (!isRedisUrl(url))
    context.error(at, "is not a Redis address", "redis://[user:password@]host:port/db, or rediss://");
  return url;
}

function isRedisUrl(url: string): boolean {
  const { protocol, hostname } = URL.parse(url) ?? {};
  return (protocol === "redis:" || protocol === "rediss:") && hostname !== "";
}

/** Limits of a route whose id is known: their names hang on it. */
export function nameRateLimits(limits: readonly RateLimitSpec[], routeId: string): RateLimitSpec[] {
  return limits.map((limit, i) => ({ ...limit, name: `${routeId}/${i + 1}` }));
}

/** A route's limits, without names. @param knowsIdentity does anything on the route say who asks? */
export function buildRouteRateLimits(
  limits: readonly RateLimitConfig[] | undefined,
  route: ConfigPath,
  context: BuildContext,
  knowsIdentity: boolean,
): RateLimitSpec[] {
  const path: ConfigPath = [...route, "rateLimit"];
  const isList = context.isList(path);
  return readable(limits).flatMap(({ item, index }) => {
    const at = isList ? [...path, index] : path;
    const limit = limitOf(item, at, context, "");
    if (limit === null) return [];
    const by = buildKeys(item.by, [...at, "by"], context);
    if (!knowsIdentity && by.some(({ kind }) => kind === "identity" || kind === "claim"))
      context.warn([...at, "by"], "nothing on this route says who asks", "auth: required, or a plugin such as jwt");
    return [{ ...limit, by }];
  });
}

function buildKeys(by: readonly string[] | undefined, path: ConfigPath, context: BuildContext): RateKeySpec[] {
  if (by?.length === 0) context.error(path, "is an empty list", "remove it: clientIp is the default");
  return readable(by ?? ["clientIp"]).map(({ item }) => keyOf(item, path, context));
}

function keyOf(by: string, path: ConfigPath, context: BuildContext): RateKeySpec {
  if (by === "clientIp" || by === "route" || by === "identity") return { kind: by };
  const colon = by.indexOf(":");
  const name = by.slice(colon + 1).trim();
  if (by.startsWith("claim:")) return { kind: "claim", name };
  if (!isToken(name)) context.error(path, `${JSON.stringify(name)} is not a header name`);
  return { kind: "header", name: name.toLowerCase() };
}

/** null: it has had its error. */
function limitOf(
  config: GlobalLimitConfig,
  path: ConfigPath,
  context: BuildContext,
  name: string,
): RateLimitSpec | null {
  const max = eitherOf(config, ["max", "requests"], path, context);
  const windowMs = eitherOf(config, ["window", "windowMs"], path, context);
  if (max === undefined || windowMs === undefined) return null;
  if (max === 0) {
    const hint = "`enabled: false` takes a route out; to switch the limit off, remove it";
    context.error([...path, context.has([...path, "max"]) ? "max" : "requests"], "lets nothing through at all", hint);
    return null;
  }
  const burst = config.burst ?? max;
  if ((burst / max) * windowMs > LONGEST_REFILL_MS)
    context.error([...path, "burst"], `${burst} requests take longer than 30 days to come back`, "use a smaller one");
  const { mode = "enforce", message = null } = config;
  return { name, max, windowMs, burst, by: [{ kind: "clientIp" }], mode, message };
}

/** A field with two spellings; the first is ours. */
function eitherOf<K extends keyof GlobalLimitConfig>(
  config: GlobalLimitConfig,
  [ours, alias]: readonly [K, K],
  path: ConfigPath,
  context: BuildContext,
): GlobalLimitConfig[K] {
  const [hasOurs, hasAlias] = [context.has([...path, ours]), context.has([...path, alias])];
  if (hasOurs && hasAlias) context.error([...path, alias], `is another spelling of ${ours}`, "give either");
  if (!hasOurs && !hasAlias) context.error(path, `"${ours}" is missing`, "a limit needs max and window");
  return config[ours] ?? config[alias];
}
