import type { Container, ContainerNetwork } from "./container.ts";
import type { EndpointLabels } from "./labels.ts";

/**
 * How this process gets to containers.
 * - `network`: by their own addresses. `own` is the container that Sluice runs in, or null on the host itself, which gets to every
 *   bridge of its engine.
 * - `published`: only by ports published on `host`: the engine is on another machine, or in a virtual one.
 */
export type Reach =
  { readonly by: "network"; readonly own: Container | null } | { readonly by: "published"; readonly host: string };

export interface Address {
  readonly host: string;
  readonly port: number;
}

export type Unreachable = { readonly problem: string };

export interface AddressRules {
  readonly reach: Reach;
  /** The network to prefer; null: none in particular. */
  readonly network: string | null;
  /** By id: a container may have no network but another one's. */
  readonly byId: ReadonlyMap<string, Container>;
}

const LOOPBACK = "127.0.0.1";

/** The port that its label names, else the lowest exposed one; null: it has none. */
export function portOf({ exposedPorts }: Container, labels: EndpointLabels): number | null {
  return labels.port ?? exposedPorts[0] ?? null;
}

/** @param port of the container */
export function addressOf(
  container: Container,
  port: number,
  labels: EndpointLabels,
  rules: AddressRules,
): Address | Unreachable {
  const { reach, byId } = rules;
  const lender = /^container:(.+)$/.exec(container.networkMode)?.[1];
  if (lender !== undefined) {
    const other = byId.get(lender);
    if (other === undefined)
      return { problem: `it uses the network of container ${lender.slice(0, 12)}, which does not run` };
    // Docker resolves chains when it creates a container, so this ends after one step.
    return addressOf({ ...other, networkMode: plainMode(other) }, port, labels, rules);
  }
  if (reach.by === "published") return publishedAddress(container, port, reach.host);
  if (container.networkMode === "host") return hostAddress(port, reach.own);
  const { network } = labels;
  const address = networkAddress(container, port, network ?? rules.network, reach.own);
  const isElsewhere = network !== null && namedNetwork(container, network) === undefined;
  return isElsewhere ? { problem: `it is not on the network ${network} that sluice.network names` } : address;
}

function plainMode({ networkMode }: Container): string {
  return networkMode.startsWith("container:") ? "none" : networkMode;
}

function publishedAddress(container: Container, port: number, engineHost: string): Address | Unreachable {
  if (container.networkMode === "host") return { host: engineHost, port };
  const isEngineLocal = engineHost === LOOPBACK;
  const published = container.publishedPorts.filter((published) => published.port === port);
  const open = published.find(({ hostIp }) => ["", "0.0.0.0", "::"].includes(hostIp));
  if (open !== undefined) return { host: engineHost, port: open.hostPort };
  const bound = published.find(({ hostIp }) => isEngineLocal || !/^(127\.|::1$)/.test(hostIp));
  if (bound !== undefined) return { host: bound.hostIp, port: bound.hostPort };
  return { problem: `from here only published ports can be reached: publish ${port} (docker run -p ${port})` };
}

/** It listens on the engine's machine, which a container sees as its gateway. */
function hostAddress(port: number, own: Container | null): Address | Unreachable {
  if (own === null || own.networkMode === "host") return { host: LOOPBACK, port };
  const gateway = own.networks.find(({ gateway }) => gateway !== "")?.gateway;
  if (gateway === undefined)
    return { problem: "it uses the host's network, and Sluice's own container has no way there" };
  return { host: gateway, port };
}

function networkAddress(
  container: Container,
  port: number,
  wanted: string | null,
  own: Container | null,
): Address | Unreachable {
  const usable = usableNetworks(container);
  const names = usable.map(({ name }) => name).join(", ");
  if (usable.length === 0) return { problem: "it has no address on any network" };
  // Compose puts the project's name before a network's.
  const project = container.labels["com.docker.compose.project"];
  const named =
    usable.find(({ name }) => name === wanted) ?? usable.find(({ name }) => name === `${project}_${wanted}`);
  if (named !== undefined) return { host: named.address, port };
  const shared = usable.find(({ id }) => own?.networks.some((network) => network.id === id));
  if (shared !== undefined) return { host: shared.address, port };
  const isOnHost = own === null || own.networkMode === "host";
  if (usable.length === 1 || isOnHost) return { host: usable[0]!.address, port };
  return { problem: `it is on the networks ${names}, and Sluice on none of them: say which with sluice.network` };
}

function namedNetwork(container: Container, wanted: string | null): ContainerNetwork | undefined {
  // Compose puts the project's name before a network's.
  const project = container.labels["com.docker.compose.project"];
  const usable = usableNetworks(container);
  return usable.find(({ name }) => name === wanted) ?? usable.find(({ name }) => name === `${project}_${wanted}`);
}

function usableNetworks({ networks }: Container): readonly ContainerNetwork[] {
  return networks.filter(({ address }) => address !== "");
}
