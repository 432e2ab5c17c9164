import type { Container } from "./container.ts";
import type { ContainerSummary } from "./container-summary.ts";
import type { PullProgress } from "./pull-image.ts";

const CREATED_BY = "sluice.createdBy";
const US = "admin-api";
/** With `true`: whoever runs it lets us stop and remove it. */
export const MANAGE = "sluice.manage";

/** Of containers that are made here. */
export const OUR_LABELS: Readonly<Record<string, string>> = { [CREATED_BY]: US, "sluice.enable": "true" };

/** A container as the admin API shows it. */
export interface ContainerView {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  /** `running`, `exited`, `paused` … */
  readonly state: string;
  /** In the engine's words: `Up 5 minutes`. */
  readonly status: string;
  /** Ms since the epoch. */
  readonly createdAt: number;
  /** Whether it may be started, stopped and removed here. */
  readonly isManaged: boolean;
}

/** A container that was started, and where it can be reached. */
export interface StartedContainer extends ContainerView {
  readonly hosts: readonly string[];
  readonly urls: readonly string[];
  /** Why it cannot be reached, where it cannot. */
  readonly problems: readonly string[];
}

export type CreateStep =
  | { readonly step: "pulling"; readonly image: string; readonly progress: PullProgress | null }
  | { readonly step: "creating" | "starting"; readonly name: string };

/** Whether it may be started, stopped and removed; our own container never is. */
export function isManaged({ id, labels }: Pick<Container, "id" | "labels">, ownId: string | null): boolean {
  return id !== ownId && (labels[CREATED_BY] === US || labels[MANAGE] === "true");
}

type Seen = Pick<ContainerSummary, "id" | "name" | "image" | "state" | "status" | "createdAt" | "labels">;

export function viewOf(seen: Seen, ownId: string | null): ContainerView {
  const { id, name, image, state, status, createdAt } = seen;
  return { id, name, image, state, status, createdAt, isManaged: isManaged(seen, ownId) };
}
