import type { BalanceSpec, EndpointSpec, HashKeySpec, UpstreamSpec } from "../../model/snapshot-spec.ts";
import { isToken } from "../../model/header-map.ts";
import { buildUpstreamAdmission } from "./build-admission.ts";
import { buildBreaker } from "./build-breaker.ts";
import { awaitedUpstreams } from "./awaited-upstreams.ts";
import { readable, type BuildContext } from "./build-context.ts";
import { buildHealth } from "./build-health.ts";
import { buildRetries } from "./build-retries.ts";
import { DEFAULTS } from "./defaults.ts";
import type { ConfigPath } from "./diagnostics.ts";
import { parseEndpointUrl } from "./endpoint-url.ts";
import type { EndpointConfig, UpstreamConfig } from "./schema-upstreams.ts";
import { resolvedEndpoints, serverNameOf } from "./dns-names.ts";
import { urlUpstreams } from "./url-upstreams.ts";
import { buildUpstreamTls } from "./tls-files.ts";

/** What `backend:` lists become. */
export const BACKEND = "backend";

export interface BuiltUpstream {
  readonly spec: UpstreamSpec;
  readonly path: ConfigPath;
}

/** @param mentioned names in the configurations of plugins */
export function buildUpstreams(context: BuildContext, mentioned: readonly string[]): BuiltUpstream[] {
  const built: BuiltUpstream[] = [];
  const seen = new Set<string>();
  for (const { item, index } of readable(context.config.upstreams)) {
    const path: ConfigPath = ["upstreams", index];
    if (item.name !== undefined && seen.has(item.name))
      context.error([...path, "name"], `another upstream is called "${item.name}"`);
    seen.add(item.name);
    built.push({ spec: buildUpstream(item, path, context), path });
  }
  for (const { name, url, path } of urlUpstreams(context)) {
    if (seen.has(name)) context.error(path, `another upstream is called "${name}"`, "rename that one");
    const endpoint = buildEndpoint({ url }, path, context);
    built.push({ spec: buildUpstream({ name }, path, context, endpoint === null ? [] : [endpoint]), path });
  }
  for (const { name, path } of awaitedUpstreams(context, seen, mentioned)) {
    context.warn(path, `nothing is found as "${name}" at the moment: requests are answered 503`);
    built.push({ spec: buildUpstream({ name }, path, context, []), path });
  }
  if (context.config.backend === undefined) return built;
  if (seen.has(BACKEND)) context.error(["backend"], `an upstream is called "${BACKEND}" already`, "rename it");
  const endpoints = buildEndpoints(context.config.backend, ["backend"], context);
  built.push({ spec: buildUpstream({ name: BACKEND }, ["backend"], context, endpoints), path: ["backend"] });
  return built;
}

function buildUpstream(
  config: UpstreamConfig,
  path: ConfigPath,
  context: BuildContext,
  given?: EndpointSpec[],
): UpstreamSpec {
  const endpoints = given ?? endpointsOf(config, path, context);
  const tls = buildUpstreamTls(config.tls, [...path, "tls"], context);
  const protocol = config.protocol ?? "http1";
  if (protocol !== "http1" && endpoints.some((endpoint) => endpoint.scheme !== "https")) {
    context.error([...path, "protocol"], `${protocol} needs https endpoints`, "use https:// or protocol: http1");
  }
  if (protocol === "http3") refuseTlsOfHttp3(config, path, context);
  const timeouts = buildTimeouts(config, context);
  const balance = buildBalance(config.balance, path, context);
  const spreadsEvenly = balance.policy !== "hash" && balance.policy !== "failover";
  return {
    name: config.name,
    endpoints,
    protocol,
    tls: tls.serverName === null ? { ...tls, serverName: serverNameOf(config, path, context) } : tls,
    balance,
    sticky: buildSticky(config.sticky, path, context),
    retries: buildRetries(config.retries, [...path, "retries"], context, timeouts),
    timeouts,
    limits: {
      maxConnections: config.limits?.maxConnections ?? DEFAULTS.upstream.limits.maxConnections,
      maxPending: config.limits?.maxPending ?? DEFAULTS.upstream.limits.maxPending,
    },
    health: buildHealth(config.health, [...path, "health"], context, { protocol, spreadsEvenly }),
    breaker: buildBreaker(config.circuitBreaker, [...path, "circuitBreaker"], context, timeouts),
    // Given, like those of gates, when all is known to be well.
    breakerSlot: 0,
    endpointBreakerSlots: endpoints.map(() => 0),
    endpointSlots: endpoints.map(() => -1),
    admission: buildUpstreamAdmission(config.limits, [...path, "limits"], context),
  };
}

/** Bun's HTTP/3 client knows the system's authorities and the name in the URL, and nothing else (oven-sh/bun#31420). */
function refuseTlsOfHttp3(config: UpstreamConfig, path: ConfigPath, context: BuildContext): void {
  for (const field of ["ca", "cert", "key", "serverName"] as const) {
    if (config.tls?.[field] === undefined) continue;
    context.error([...path, "tls", field], `http3 upstreams cannot have tls.${field} yet`, "use protocol: http2");
  }
}

function endpointsOf(config: UpstreamConfig, path: ConfigPath, context: BuildContext): EndpointSpec[] {
  if (config.url !== undefined && config.endpoints !== undefined) {
    context.error([...path, "url"], "give either url or endpoints, not both");
  }
  if (config.endpoints !== undefined && context.providerOf(path) !== null)
    return found(config.endpoints, [...path, "endpoints"], context);
  if (config.endpoints !== undefined) return buildEndpoints(config.endpoints, [...path, "endpoints"], context);
  if (config.url === undefined) {
    if (!context.has([...path, "url"])) context.error(path, "an upstream needs endpoints", "add url: or endpoints:");
    return [];
  }
  const endpoint = buildEndpoint({ url: config.url }, [...path, "url"], context);
  return endpoint === null ? [] : [endpoint];
}

/** What a provider names is dialled with more care; and while all of it is away, the upstream stays. */
function found(list: EndpointConfig[], path: ConfigPath, context: BuildContext): EndpointSpec[] {
  if (list.length === 0) return [];
  return buildEndpoints(list, path, context).map((endpoint) => ({ ...endpoint, discovered: true }));
}

function buildEndpoints(list: EndpointConfig[], path: ConfigPath, context: BuildContext): EndpointSpec[] {
  if (list.length === 0) context.error(path, "an upstream needs endpoints", "the list is empty");
  const built: EndpointSpec[] = [];
  const seen = new Set<string>();
  for (const { item, index } of readable(list)) {
    if (item.enabled === false) continue;
    for (const endpoint of endpointsAt(item, [...path, index], context)) {
      const identity = `${endpoint.scheme} ${endpoint.host}:${endpoint.port}`;
      const isTwin = seen.has(identity);
      seen.add(identity);
      if (!isTwin) built.push(endpoint);
      // Two names may well lead to one address.
      else if (item.dns === undefined)
        context.error([...path, index, "url"], "this endpoint is in the list already", "use weight for a larger share");
    }
  }
  const enabled = readable(list).filter(({ item }) => item.enabled !== false);
  if (list.length > 0 && enabled.length === 0)
    context.warn(path, "every endpoint is disabled: requests are answered 503");
  return built;
}

function endpointsAt(item: EndpointConfig, path: ConfigPath, context: BuildContext): EndpointSpec[] {
  if (item.url !== undefined && item.dns !== undefined) {
    context.error([...path, "dns"], "give either url or dns, not both");
    return [];
  }
  if (item.dns !== undefined) return resolvedEndpoints(item.dns, item.weight ?? 1, [...path, "dns"], context);
  if (item.url === undefined) {
    if (!context.has([...path, "url"]) && !context.has([...path, "dns"]))
      context.error(path, "an endpoint needs an address", "add url: or dns:");
    return [];
  }
  const endpoint = buildEndpoint({ url: item.url, weight: item.weight }, [...path, "url"], context);
  return endpoint === null ? [] : [endpoint];
}

interface WrittenEndpoint {
  readonly url: string;
  readonly weight?: number | undefined;
}

function buildEndpoint(config: WrittenEndpoint, path: ConfigPath, context: BuildContext): EndpointSpec | null {
  const address = parseEndpointUrl(config.url);
  if (typeof address === "string") {
    context.error(path, address);
    return null;
  }
  return { ...address, weight: config.weight ?? 1 };
}

function buildBalance(balance: UpstreamConfig["balance"], path: ConfigPath, context: BuildContext): BalanceSpec {
  if (balance === undefined) return { policy: "round-robin" };
  if (typeof balance === "string") return { policy: balance };
  const by = balance.hash?.by;
  return {
    policy: "hash",
    by: by === undefined ? { kind: "path" } : parseHashKey(by, [...path, "balance", "hash", "by"], context),
  };
}

/** `clientIp`, `path`, `header:NAME` …; header names come out in lower case. */
export function parseHashKey(by: string, path: ConfigPath, context: BuildContext): HashKeySpec {
  if (by === "clientIp" || by === "path") return { kind: by };
  const colon = by.indexOf(":");
  const kind = by.slice(0, colon) as "header" | "cookie" | "query";
  const name = by.slice(colon + 1).trim();
  if (kind !== "query" && !isToken(name)) context.error(path, `${JSON.stringify(name)} is not a ${kind} name`);
  return { kind, name: kind === "header" ? name.toLowerCase() : name };
}

function buildSticky(
  sticky: UpstreamConfig["sticky"],
  path: ConfigPath,
  context: BuildContext,
): { cookie: string } | null {
  if (sticky?.cookie === undefined) return null;
  if (!isToken(sticky.cookie)) {
    context.error([...path, "sticky", "cookie"], `${JSON.stringify(sticky.cookie)} is not a cookie name`);
  }
  return { cookie: sticky.cookie };
}

function buildTimeouts(config: UpstreamConfig, context: BuildContext): UpstreamSpec["timeouts"] {
  const { timeouts } = DEFAULTS.upstream;
  return {
    connectMs: config.timeouts?.connect ?? timeouts.connectMs,
    firstByteMs: config.timeouts?.firstByte ?? config.timeout ?? context.config.proxy?.timeout ?? timeouts.firstByteMs,
    idleMs: config.timeouts?.idle ?? timeouts.idleMs,
    totalMs: config.timeouts?.total ?? timeouts.totalMs,
  };
}
