import type { DiscoveredEndpoint, DiscoveredService, PartialConfig, Rejected } from "../provider.ts";
import type { Instance } from "./instance.ts";

/** Where a request says which version it wants. */
export interface VersionSplit {
  readonly by: "header" | "query";
  readonly name: string;
}

/** How services become routes: `discovery.registry`. */
export interface RegistryRoutes {
  /** `/shop/cart` goes on as it is instead of as `/cart`. */
  readonly keepPrefix: boolean;
  /** null: versions share the traffic by weight. */
  readonly splitByVersion: VersionSplit | null;
  /** As in `upstreams[].balance`. */
  readonly balance: string;
  /** null: nobody checks them. */
  readonly checks: { readonly interval?: string | number; readonly timeout?: string | number } | null;
}

export const REGISTRY_ROUTES: RegistryRoutes = {
  keepPrefix: false,
  splitByVersion: null,
  balance: "round-robin",
  checks: {},
};

/** `header:X-Version` or `query:v`; null for anything else. */
export function parseVersionSplit(text: string): VersionSplit | null {
  const [, by, name] = /^(header|query):([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64})$/.exec(text) ?? [];
  return name === undefined ? null : { by: by as VersionSplit["by"], name };
}

/** What an upstream's name takes, short enough to stand behind the service's. */
const VERSION = /^[A-Za-z0-9][A-Za-z0-9._-]{0,29}$/;

/**
 * The services of these instances: each an upstream of its name behind `/{service}/*`. With `splitByVersion` each version is a
 * service of its own besides, `shop.v2.0`, for requests that ask for it; those that ask for nothing, or for a version that nobody
 * has, go to all instances.
 */
export function discoveredServices(instances: readonly Instance[], routes: RegistryRoutes): PartialConfig {
  const rejected: Rejected[] = [];
  const byService = new Map<string, Instance[]>();
  for (const instance of withoutTwins(instances, rejected)) add(byService, instance.service, instance);
  const services = [...byService].map(([name, members]) => serviceOf(name, members, { routes, version: null }));
  if (routes.splitByVersion === null) return { services, rejected };
  const taken = new Map([...byService.keys()].map((name) => [name, "belongs to a registered service"]));
  for (const [service, members] of byService) {
    for (const [version, some] of versionsOf(members, rejected)) {
      const name = `${service}.${/^v\d/i.test(version) ? version : `v${version}`}`;
      const child = serviceOf(name, some, { routes, version });
      const owner = taken.get(name);
      taken.set(name, owner ?? "is taken by another version");
      if (owner === undefined) services.push(child);
      else rejected.push({ origin: child.origin, reason: `the name ${name} ${owner}` });
    }
  }
  return { services, rejected };
}

interface Shape {
  readonly routes: RegistryRoutes;
  /** null: the service as a whole. */
  readonly version: string | null;
}

function serviceOf(name: string, members: readonly Instance[], { routes, version }: Shape): DiscoveredService {
  const { service } = members[0]!;
  const split = routes.splitByVersion;
  const asked =
    split === null || version === null
      ? {}
      : { [split.by === "header" ? "headers" : "query"]: { [split.name]: version } };
  const strip = routes.keepPrefix ? {} : { stripPath: `/${service}` };
  return {
    name,
    endpoints: members.map(endpointOf),
    upstream: { balance: routes.balance, ...healthOf(members, routes) },
    routes: [{ path: `/${service}/*`, ...strip, ...asked }],
    origin: originOf(members),
  };
}

function endpointOf({ id, scheme, address, port, weight, metadata }: Instance): DiscoveredEndpoint {
  return { id, scheme, host: address, port, weight, labels: metadata, origin: `instance ${id}` };
}

/** One upstream is checked in one way: the one that its newest registration asks for. */
function healthOf(members: readonly Instance[], { checks }: RegistryRoutes): Readonly<Record<string, unknown>> {
  if (checks === null) return {};
  const newest = members.reduce((best, next) => (next.updatedAt >= best.updatedAt ? next : best));
  const { healthPath = newest.metadata["health"] ?? "tcp" } = newest.metadata;
  return { health: { active: { ...(healthPath === "tcp" ? { type: "tcp" } : { path: healthPath }), ...checks } } };
}

function versionsOf(members: readonly Instance[], rejected: Rejected[]): Map<string, Instance[]> {
  const versions = new Map<string, Instance[]>();
  for (const instance of members) {
    const { version } = instance.metadata;
    if (version === undefined || version === "") continue;
    if (VERSION.test(version)) add(versions, version, instance);
    else
      rejected.push({
        origin: `instance ${instance.id}`,
        reason: `no route can ask for the version ${JSON.stringify(version)}`,
      });
  }
  return versions;
}

/**
 * Who restarts under a new id is at the old address: an address serves a service once, under the registration that came last.
 */
function withoutTwins(instances: readonly Instance[], rejected: Rejected[]): Instance[] {
  const newest = new Map<string, Instance>();
  for (const instance of instances) {
    const key = keyOf(instance);
    const other = newest.get(key);
    if (other === undefined || instance.updatedAt >= other.updatedAt) newest.set(key, instance);
  }
  return instances.filter((instance) => {
    const winner = newest.get(keyOf(instance))!;
    if (winner === instance) return true;
    rejected.push({
      origin: `instance ${instance.id}`,
      reason: `${winner.id} registered the same address later`,
    });
    return false;
  });
}

function keyOf({ service, scheme, address, port }: Instance): string {
  return `${service} ${scheme} ${address} ${port}`;
}

const NAMED = 3;

function originOf(members: readonly Instance[]): string {
  const names = members.slice(0, NAMED).map(({ id }) => id);
  if (members.length === 1) return `instance ${names[0]}`;
  const more = members.length > NAMED ? ` and ${members.length - NAMED} more` : "";
  return `instances ${names.join(", ")}${more}`;
}

function add(groups: Map<string, Instance[]>, key: string, instance: Instance): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [instance]);
  else group.push(instance);
}
