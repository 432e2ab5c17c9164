import type { ServiceLabels } from "./labels.ts";
import type { MappingOptions } from "./mapping-options.ts";
import { hostFrom, type Membership } from "./service-names.ts";

/** A route before anybody else's claims were looked at. */
export interface RouteClaim {
  /** Empty: any host. */
  readonly hosts: readonly string[];
  readonly path: string;
  readonly rest: Readonly<Record<string, unknown>>;
}

/** The same text for containers that say the same. */
export function settingsOf(labels: ServiceLabels): string {
  return JSON.stringify(labels);
}

/**
 * Containers end by themselves, and what they had begun is tried again elsewhere. One that has just started may not listen yet: it is
 * not kept out for long, unless that happens again and again.
 */
const RETRIES = { max: 2, on: ["reset"] };
const PASSIVE = { ejectFor: "1s" };

/** What a person would write for it under `upstreams:`, but for its name and endpoints. */
export function upstreamOf({ balance, healthPath, healthInterval }: ServiceLabels): Record<string, unknown> {
  const active = { ...given("path", healthPath), ...given("interval", healthInterval) };
  const health = { passive: PASSIVE, ...(Object.keys(active).length === 0 ? {} : { active }) };
  return { ...given("balance", balance), retries: RETRIES, health };
}

/** One for each path. Empty when no name gives a host. */
export function routesOf(
  labels: ServiceLabels,
  membership: Membership,
  options: Pick<MappingOptions, "defaultHosts" | "auth">,
): RouteClaim[] {
  const { plugins, stripPath } = labels;
  const auth = options.auth ?? labels.auth;
  const hosts = labels.hosts ?? defaultHosts(membership, options.defaultHosts);
  if (hosts.length === 0) return [];
  const rest = {
    ...given("stripPath", stripPath),
    ...given("auth", auth),
    ...(plugins.length === 0 ? {} : { plugins: [...plugins] }),
  };
  const isAnyHost = hosts.includes("*");
  return (labels.paths ?? ["/*"]).map((path) => ({ hosts: isAnyHost ? [] : [...new Set(hosts)], path, rest }));
}

function defaultHosts(membership: Membership, templates: readonly string[]): string[] {
  const hosts = templates.map((template) => hostFrom(template, membership));
  return hosts.filter((host) => host !== null);
}

function given(key: string, value: string | null): Record<string, string> {
  return value === null ? {} : { [key]: value };
}
