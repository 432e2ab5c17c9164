import type { DiscoveredEndpoint, DiscoveredService, PartialConfig } from "../discovery/provider.ts";
import type { ConfigPart } from "./config-parts.ts";

/** A service as parts of a configuration. */
export interface DiscoveredParts {
  /** `docker: container shop`: what diagnostics about it say. */
  readonly from: string;
  readonly parts: readonly ConfigPart[];
}

/** @param known by provider */
export function discoveredParts(known: ReadonlyMap<string, PartialConfig>): DiscoveredParts[] {
  return [...known].flatMap(([provider, { services }]) => services.map((service) => partsOf(service, provider)));
}

function partsOf(service: DiscoveredService, provider: string): DiscoveredParts {
  const from = `${provider}: ${service.origin}`;
  const name = `${service.name}@${provider}`;
  const upstream = { ...service.upstream, name, endpoints: service.endpoints.map(endpointOf) };
  const routes = service.routes.map((route, i) => ({
    upstream: name,
    ...route,
    name: i === 0 ? name : `${service.name}.${i + 1}@${provider}`,
  }));
  return {
    from,
    parts: [
      { section: "upstreams", value: upstream, from, provider },
      ...routes.map((value): ConfigPart => ({ section: "routes", value, from, provider })),
    ],
  };
}

function endpointOf({ scheme, host, port, weight, draining }: DiscoveredEndpoint): Record<string, unknown> {
  const shown = host.includes(":") ? `[${host}]` : host;
  // With no weight it takes nothing new, and what runs finishes.
  return { url: `${scheme}://${shown}:${port}`, weight: draining === true ? 0 : weight };
}
