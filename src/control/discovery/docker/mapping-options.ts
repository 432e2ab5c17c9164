import { ALLOW_ALL, type Allow } from "./allow.ts";
import type { Container } from "./container.ts";
import type { Reach } from "./reach.ts";

/** A container and what events have said of it. */
export interface FoundContainer {
  readonly container: Container;
  /** It was told to stop. */
  readonly isStopping: boolean;
  /** It runs no more, and may be on its way back. */
  readonly isGone: boolean;
}

/** What the configuration says of discovery by Docker. */
export interface DockerRules {
  /** Whether containers without `sluice.enable` are routed. */
  readonly exposedByDefault: boolean;
  /** Hosts of what has no `sluice.host`: `{name}.localhost`; also `{service}` and `{project}` of Compose. */
  readonly defaultHosts: readonly string[];
  /** The network that containers are reached on, unless their label says another; null: see `Reach`. */
  readonly network: string | null;
  /** Asked for on every route, whatever labels say. */
  readonly auth: "required" | null;
  readonly allow: Allow;
}

export interface MappingOptions extends DockerRules {
  readonly reach: Reach;
  /** Sluice's own container is no service. */
  readonly ownId: string | null;
}

/** What holds where the configuration is silent: the first line of every quick start works. */
export const DOCKER_DEFAULTS: DockerRules = {
  exposedByDefault: true,
  defaultHosts: ["{name}.localhost", "{name}.docker.localhost"],
  network: null,
  auth: null,
  allow: ALLOW_ALL,
};
