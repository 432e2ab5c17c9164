import { fieldsOf, listOf, textOf, textsOf, timeOf, type Fields } from "./engine-json.ts";

/** A container as far as Sluice looks at it. */
export interface Container {
  readonly id: string;
  /** Without the slash. */
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Ms since the epoch. */
  readonly createdAt: number;
  /** Ms since the epoch, by the engine's clock; 0: never. */
  readonly startedAt: number;
  /** `running`, `paused`, `restarting`, `exited`, `created`, `dead`, `removing`. */
  readonly state: string;
  /** `none`: it has no health check. */
  readonly health: "none" | "starting" | "healthy" | "unhealthy";
  /** `bridge`, `host`, `none`, `container:ID` or a network's name. */
  readonly networkMode: string;
  readonly networks: readonly ContainerNetwork[];
  /** Ascending; TCP only. */
  readonly exposedPorts: readonly number[];
  readonly publishedPorts: readonly PublishedPort[];
  /** What `docker stop` sends, such as `SIGTERM`. */
  readonly stopSignal: string;
}

export interface ContainerNetwork {
  readonly name: string;
  readonly id: string;
  /** Another one whenever the container starts. */
  readonly endpointId: string;
  /** Empty where it has none. */
  readonly address: string;
  readonly gateway: string;
}

export interface PublishedPort {
  readonly port: number;
  readonly hostIp: string;
  readonly hostPort: number;
}

/** How people know it: `container shop (3f2a91c0)`. */
export function originOf({ name, id }: Pick<Container, "name" | "id">): string {
  return `container ${name} (${id.slice(0, 8)})`;
}

const ID = /^[0-9a-f]{64}$/;

/** @param raw the answer to `GET /containers/{id}/json`. @returns null when it is none */
export function readContainer(raw: unknown): Container | null {
  const all = fieldsOf(raw);
  const id = textOf(all.Id);
  const name = textOf(all.Name).replace(/^\//, "");
  if (!ID.test(id) || name === "") return null;
  const config = fieldsOf(all.Config);
  const state = fieldsOf(all.State);
  const networking = fieldsOf(all.NetworkSettings);
  return {
    id,
    name,
    image: textOf(config.Image),
    labels: textsOf(config.Labels),
    createdAt: timeOf(all.Created),
    startedAt: timeOf(state.StartedAt),
    state: textOf(state.Status),
    health: healthOf(fieldsOf(state.Health).Status),
    networkMode: textOf(fieldsOf(all.HostConfig).NetworkMode),
    networks: networksOf(networking.Networks),
    exposedPorts: tcpPorts({ ...fieldsOf(config.ExposedPorts), ...fieldsOf(networking.Ports) }),
    publishedPorts: publishedPorts(fieldsOf(networking.Ports)),
    stopSignal: textOf(config.StopSignal) || "SIGTERM",
  };
}

function healthOf(status: unknown): Container["health"] {
  return status === "starting" || status === "healthy" || status === "unhealthy" ? status : "none";
}

/** By name. */
export function networksOf(raw: unknown): ContainerNetwork[] {
  return Object.entries(fieldsOf(raw))
    .map(([name, value]) => networkOf(name, fieldsOf(value)))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function networkOf(name: string, raw: Fields): ContainerNetwork {
  return {
    name,
    id: textOf(raw.NetworkID),
    endpointId: textOf(raw.EndpointID),
    address: textOf(raw.IPAddress) || textOf(raw.GlobalIPv6Address),
    gateway: textOf(raw.Gateway) || textOf(raw.IPv6Gateway),
  };
}

function tcpPorts(raw: Fields): number[] {
  const ports = Object.keys(raw).map(tcpPort);
  return ports.filter((port) => port !== null).sort((a, b) => a - b);
}

// `8080/tcp`
function tcpPort(key: string): number | null {
  const port = Number(/^(\d{1,5})\/tcp$/.exec(key)?.[1] ?? 0);
  return port >= 1 && port <= 65535 ? port : null;
}

function publishedPorts(raw: Fields): PublishedPort[] {
  return Object.entries(raw).flatMap(([key, bindings]) => {
    const port = tcpPort(key);
    if (port === null) return [];
    const found = listOf(bindings).map((binding) => {
      const { HostIp, HostPort } = fieldsOf(binding);
      return { port, hostIp: textOf(HostIp), hostPort: Number(textOf(HostPort)) };
    });
    return found.filter(({ hostPort }) => hostPort >= 1 && hostPort <= 65535);
  });
}
