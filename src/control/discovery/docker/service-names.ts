import type { Container } from "./container.ts";

const PROJECT = "com.docker.compose.project";
const SERVICE = "com.docker.compose.service";
const ONE_OFF = "com.docker.compose.oneoff";

/** Which service a container belongs to. */
export interface Membership {
  /** The same for all its containers. */
  readonly key: string;
  /** As its upstream is called. */
  readonly name: string;
  readonly project: string;
  readonly service: string;
}

/** @param upstream what `sluice.upstream` says, or null */
export function membershipOf(container: Container, upstream: string | null): Membership {
  const { labels } = container;
  const project = labels[PROJECT] ?? "";
  const service = labels[SERVICE] ?? "";
  // `docker compose run` is an errand, not another instance.
  const isComposed = project !== "" && service !== "" && labels[ONE_OFF]?.toLowerCase() !== "true";
  if (upstream !== null) return { key: `upstream ${upstream}`, name: upstream, project, service };
  if (!isComposed)
    return { key: `container ${container.name}`, name: container.name, project: "", service: container.name };
  return {
    key: `compose ${project} ${service}`,
    name: composedName(container.name, project, service),
    project,
    service,
  };
}

/** `shop-web` for the container `shop-web-1` and its like; a `container_name` is kept. */
function composedName(name: string, project: string, service: string): string {
  // While Compose replaces a container, the new one carries the old one's id before its name.
  const plain = name.replace(/^[0-9a-f]{12}_/, "");
  const isNumbered = [`${project}-${service}-`, `${project}_${service}_`].some(
    (stem) => plain.startsWith(stem) && /^\d+$/.test(plain.slice(stem.length)),
  );
  return isNumbered ? `${project}-${service}` : plain;
}

/** Fills in `{name}`, `{service}` and `{project}`. @returns null where that gives no host */
export function hostFrom(template: string, { name, service, project }: Membership): string | null {
  const values: Readonly<Record<string, string>> = { name, service, project };
  const host = template.replace(/\{(\w+)\}/g, (_, key: string) => hostWord(values[key] ?? ""));
  return /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(host) && host.length <= 253
    ? host.toLowerCase()
    : null;
}

// Docker's names may have what hosts may not.
function hostWord(name: string): string {
  const labels = name.toLowerCase().split(".");
  return labels
    .map((label) => label.replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, ""))
    .filter((label) => label !== "")
    .join(".");
}
