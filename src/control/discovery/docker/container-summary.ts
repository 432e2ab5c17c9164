import { networksOf, type Container, type ContainerNetwork } from "./container.ts";
import { fieldsOf, listOf, textOf, textsOf } from "./engine-json.ts";

/** What a list of containers says of one of them: enough to see whether it has changed, not enough to route to it. */
export interface ContainerSummary {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: string;
  /** `Up 5 minutes (healthy)` */
  readonly status: string;
  /** Ms since the epoch. */
  readonly createdAt: number;
  readonly networks: readonly ContainerNetwork[];
}

/** @returns null when it is none */
export function readSummary(raw: unknown): ContainerSummary | null {
  const all = fieldsOf(raw);
  const id = textOf(all.Id);
  if (id === "") return null;
  // Links give a container further names, each with a slash more.
  const names = listOf(all.Names).map(textOf);
  const name = names.find((candidate) => /^\/[^/]+$/.test(candidate)) ?? "";
  return {
    id,
    name: name.slice(1),
    image: textOf(all.Image),
    labels: textsOf(all.Labels),
    state: textOf(all.State),
    status: textOf(all.Status),
    createdAt: typeof all.Created === "number" ? all.Created * 1000 : 0,
    networks: networksOf(fieldsOf(all.NetworkSettings).Networks),
  };
}

/** Whether a container is still as it was when it was inspected: one that was started again has other endpoints of its networks. */
export function isUnchanged(known: Container, summary: ContainerSummary): boolean {
  return (
    known.name === summary.name &&
    known.state === summary.state &&
    known.health === healthIn(summary.status) &&
    attachments(known.networks) === attachments(summary.networks)
  );
}

function attachments(networks: readonly ContainerNetwork[]): string {
  return networks.map(({ id, endpointId, address }) => `${id} ${endpointId} ${address}`).join("\n");
}

function healthIn(status: string): Container["health"] {
  if (status.endsWith("(health: starting)")) return "starting";
  if (status.endsWith("(healthy)")) return "healthy";
  return status.endsWith("(unhealthy)") ? "unhealthy" : "none";
}
