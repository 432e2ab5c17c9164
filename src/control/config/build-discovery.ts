import { isLoopback } from "../admin/guard.ts";
import { parseVersionSplit, type RegistryRoutes } from "../discovery/registry/discovered-services.ts";
import type { RegistryLimits } from "../discovery/registry/service-registry.ts";
import type { BuildContext } from "./build-context.ts";
import { buildDocker, type DockerSettings } from "./build-docker.ts";
import { DEFAULTS } from "./defaults.ts";

export interface RegistrySettings {
  readonly routes: RegistryRoutes;
  readonly limits: RegistryLimits;
  /** A proxy listener that carries its API, too. */
  readonly listener: string | null;
}

export interface DnsSettings {
  /** null: as the machine does. */
  readonly servers: readonly string[] | null;
  readonly family: "auto" | "ipv4" | "ipv6" | "both";
  readonly graceMs: number;
  readonly timeoutMs: number;
}

export interface DiscoverySettings {
  /** null: off. */
  readonly registry: RegistrySettings | null;
  readonly docker: DockerSettings | null;
  readonly dns: DnsSettings;
}

interface CheckTimes {
  readonly interval?: number | undefined;
  readonly timeout?: number | undefined;
}

/** @param hasToken may strangers be told from those who may register? */
export function buildDiscovery(context: BuildContext, hasToken: boolean): DiscoverySettings {
  const { dns = {} } = context.config.discovery ?? {};
  const { graceMs, timeoutMs, family } = DEFAULTS.discovery.dns;
  return {
    registry: buildRegistry(context, hasToken),
    docker: buildDocker(context, hasToken),
    dns: {
      servers: dns.servers?.filter((server) => server !== undefined) ?? null,
      family: dns.family ?? family,
      graceMs: dns.grace ?? graceMs,
      timeoutMs: dns.timeout ?? timeoutMs,
    },
  };
}

function buildRegistry(context: BuildContext, hasToken: boolean): RegistrySettings | null {
  const { registry } = context.config.discovery ?? {};
  if (registry === undefined || registry.enabled === false) return null;
  const defaults = DEFAULTS.discovery.registry;
  const { listener = null, checks = true, splitByVersion } = registry;
  if (listener !== null) checkListener(listener, context, hasToken);
  else if (context.config.admin === undefined || context.config.admin.enabled === false) {
    const hint = "add admin:, or registry.listener";
    context.error(["discovery", "registry"], "nobody can reach the registry: there is no admin listener", hint);
  }
  if (typeof checks === "object") checkTimes(checks, context);
  return {
    listener,
    limits: {
      maxInstances: registry.maxInstances ?? defaults.maxInstances,
      maxServices: registry.maxServices ?? defaults.maxServices,
    },
    routes: {
      keepPrefix: registry.keepPrefix ?? defaults.keepPrefix,
      splitByVersion: splitByVersion === undefined ? null : parseVersionSplit(splitByVersion),
      balance: registry.balance ?? defaults.balance,
      checks: checks === false ? null : checks === true ? {} : checks,
    },
  };
}

/** Told here, once: every service would be left out for it. */
function checkTimes({ interval = DEFAULTS.check.intervalMs, timeout = 0 }: CheckTimes, context: BuildContext): void {
  if (timeout <= interval) return;
  const path = ["discovery", "registry", "checks", "timeout"];
  context.error(path, "a check may not take longer than the interval", `at most ${interval}ms`);
}

function checkListener(name: string, context: BuildContext, hasToken: boolean): void {
  const path = ["discovery", "registry", "listener"];
  const { listeners, proxy } = context.config;
  const found = listeners?.find((listener) => listener?.name === name);
  if (found === undefined) return context.error(path, `no listener is called "${name}"`, "name it in listeners:");
  const host = found.host ?? proxy?.host ?? DEFAULTS.listener.host;
  if (!hasToken && !isLoopback(host))
    context.error(
      path,
      `off loopback (${host}) the registry needs a token`,
      "set admin.token, or let the listener bind 127.0.0.1",
    );
}
