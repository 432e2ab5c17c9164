import type { Container, ContainerNetwork } from "../../../src/control/discovery/docker/container.ts";
import {
  DOCKER_DEFAULTS,
  type FoundContainer,
  type MappingOptions,
} from "../../../src/control/discovery/docker/mapping-options.ts";

export const OPTIONS: MappingOptions = { ...DOCKER_DEFAULTS, reach: { by: "network", own: null }, ownId: null };

export function idOf(name: string): string {
  return new Bun.CryptoHasher("sha256").update(name).digest("hex");
}

export function network(name: string, address: string): ContainerNetwork {
  return { name, id: idOf(`network ${name}`), endpointId: idOf(`${name} ${address}`), address, gateway: "10.0.0.1" };
}

/** One that runs, exposes 80 and is on the bridge; `createdAt` orders them. */
export function container(name: string, change: Partial<Container> = {}): Container {
  return {
    id: idOf(name),
    name,
    image: "nginx:latest",
    labels: {},
    createdAt: 1000,
    startedAt: 2000,
    state: "running",
    health: "none",
    networkMode: "default",
    networks: [network("bridge", "172.17.0.2")],
    exposedPorts: [80],
    publishedPorts: [],
    stopSignal: "SIGTERM",
    ...change,
  };
}

export function labelled(name: string, labels: Record<string, string>, change: Partial<Container> = {}): Container {
  return container(name, { ...change, labels });
}

export function composed(project: string, service: string, number: number, change: Partial<Container> = {}): Container {
  const labels = { "com.docker.compose.project": project, "com.docker.compose.service": service, ...change.labels };
  const networks = [network(`${project}_default`, `172.18.0.${number}`)];
  return container(`${project}-${service}-${number}`, { createdAt: 1000 + number, networks, ...change, labels });
}

export function running(...containers: Container[]): FoundContainer[] {
  return containers.map((container) => ({ container, isStopping: false, isGone: false }));
}
