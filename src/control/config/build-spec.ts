import { BlockList, isIP } from "node:net";
import { availableParallelism } from "node:os";
import type { SnapshotSpec } from "../../model/snapshot-spec.ts";
import { buildAdmission } from "./build-admission.ts";
import type { BuildContext } from "./build-context.ts";
import { buildFields } from "./build-fields.ts";
import type { BuiltPlugins } from "./build-plugins.ts";
import { buildListeners } from "./build-listeners.ts";
import { buildRateLimits } from "./build-rate-limits.ts";
import { buildRoutes, type UnslottedRoute } from "./build-routes.ts";
import { buildUpstreams, type BuiltUpstream } from "./build-upstreams.ts";
import { DEFAULTS } from "./defaults.ts";
import { mentionedUpstreams } from "./mentioned-upstreams.ts";

export type UnslottedSpec = Omit<SnapshotSpec, "version" | "routes"> & { routes: UnslottedRoute[] };

/** The specification a configuration asks for, defaults filled in. Worth nothing when the context was told of errors. */
export function buildSpec(context: BuildContext, plugins: BuiltPlugins): UnslottedSpec {
  const { config } = context;
  const listeners = buildListeners(context);
  const upstreams = buildUpstreams(
    context,
    plugins.instances.flatMap((instance) => mentionedUpstreams(instance.config)),
  );
  const routes = buildRoutes(context, listeners, { upstreams, plugins });
  const allowedHosts = config.security?.allowedHosts?.filter(isReadable).map((host) => host.toLowerCase()) ?? null;
  const blockedIPs = (config.security?.blockedIPs ?? []).filter(isReadable);
  warnOfForbidden(upstreams, { allowedHosts, blockedIPs }, context);
  if (routes.length === 0 && !context.hasErrors)
    context.warn(["routes"], "there is no route: every request is answered 404");
  return {
    listeners,
    upstreams: upstreams.map(({ spec }) => spec),
    routes,
    trustedProxies: (config.trustedProxies ?? []).filter(isReadable),
    blockedIPs,
    allowedHosts,
    neverDial: adminAddress(config),
    replyHeaders: buildFields(config.security?.headers, ["security", "headers"], context),
    limits: buildLimits(config),
    timeouts: buildTimeouts(config),
    accessLog: buildAccessLog(config),
    shutdown: { ...DEFAULTS.shutdown, ...withoutUndefined(config.shutdown ?? {}) },
    plugins: {
      instances: plugins.instances,
      all: plugins.all,
      serverTiming: config.plugins?.serverTiming ?? false,
      showErrors: false,
    },
    rateLimits: buildRateLimits(context),
    admission: buildAdmission(context),
    redisUrl: config.redis?.url ?? null,
    workers: config.workers === "auto" ? availableParallelism() : (config.workers ?? 1),
  };
}

/** Known before anything is bound; not where any port would do. */
function adminAddress({ admin }: Config): SnapshotSpec["neverDial"] {
  const { host, port } = { ...DEFAULTS.admin, ...withoutUndefined(admin ?? {}) };
  return admin === undefined || admin.enabled === false || port === 0 ? [] : [{ host, port }];
}

function isReadable<T>(item: T | undefined): item is T {
  return item !== undefined;
}

function withoutUndefined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}

type Config = BuildContext["config"];

function buildLimits({ limits, proxy }: Config): SnapshotSpec["limits"] {
  return {
    maxConnections: limits?.maxConnections ?? null,
    maxConnectionsPerIp: limits?.maxConnectionsPerIp ?? null,
    maxHeaderBytes: limits?.maxHeaderBytes ?? DEFAULTS.limits.maxHeaderBytes,
    maxUriBytes: limits?.maxUriBytes ?? DEFAULTS.limits.maxUriBytes,
    maxBodyBytes: limits?.maxBodySize ?? proxy?.maxBodySize ?? null,
  };
}

function buildTimeouts({ timeouts }: Config): SnapshotSpec["timeouts"] {
  return {
    headMs: timeouts?.head ?? DEFAULTS.timeouts.headMs,
    bodyIdleMs: timeouts?.bodyIdle ?? DEFAULTS.timeouts.bodyIdleMs,
    keepAliveMs: timeouts?.keepAlive ?? DEFAULTS.timeouts.keepAliveMs,
    streamIdleMs: timeouts?.streamIdle ?? timeouts?.streamIdleMs ?? DEFAULTS.timeouts.streamIdleMs,
  };
}

function buildAccessLog({ logging }: Config): SnapshotSpec["accessLog"] {
  return {
    mode: logging?.access ?? DEFAULTS.accessLog.mode,
    successRate: logging?.sampling?.successRate ?? DEFAULTS.accessLog.successRate,
    errorRate: logging?.sampling?.errorRate ?? DEFAULTS.accessLog.errorRate,
  };
}

interface Rules {
  readonly allowedHosts: readonly string[] | null;
  readonly blockedIPs: readonly string[];
}

/** The dial guard refuses these at run time; whoever writes them should hear it before. */
function warnOfForbidden(upstreams: readonly BuiltUpstream[], rules: Rules, context: BuildContext): void {
  const blocked = new BlockList();
  for (const block of rules.blockedIPs) {
    const [address = "", prefix] = block.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    blocked.addSubnet(address, Number(prefix ?? (family === "ipv6" ? 128 : 32)), family);
  }
  for (const { spec, path } of upstreams) {
    for (const { host, port } of spec.endpoints) {
      const version = isIP(host);
      if (port !== 0 && !isAllowed(host, rules.allowedHosts)) {
        context.warn(
          path,
          `${host} is not in security.allowedHosts: requests to upstream "${spec.name}" are answered 502`,
        );
      } else if (version !== 0 && blocked.check(host, version === 6 ? "ipv6" : "ipv4")) {
        context.warn(path, `${host} is in security.blockedIPs: requests to upstream "${spec.name}" are answered 502`);
      }
    }
  }
}

function isAllowed(host: string, allowed: readonly string[] | null): boolean {
  const lower = host.toLowerCase();
  return (
    allowed === null ||
    allowed.some((pattern) => (pattern.startsWith("*.") ? lower.endsWith(pattern.slice(1)) : lower === pattern))
  );
}
