/** What a service says of one of its instances. */
export interface Registration {
  /** Unique in the registry. */
  readonly id: string;
  readonly service: string;
  readonly scheme: "http" | "https";
  /** An address or a name, in lower case and without brackets. */
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  /** Everything under `metadata`, as text. */
  readonly metadata: Readonly<Record<string, string>>;
  /** It is gone when it was not heard of for so long; null: it never asked for that. */
  readonly ttlMs: number | null;
}

/** One that is registered. */
export interface Instance extends Registration {
  /** It has sent a heartbeat at least once: it will send more, and is gone when they stay away. */
  readonly beats: boolean;
  /** Ms since the epoch: when it came first. */
  readonly registeredAt: number;
  /** Ms since the epoch: when it was registered last, with whatever was new. */
  readonly updatedAt: number;
}

/** Who heartbeats without having said for how long they hold. */
export const DEFAULT_TTL_MS = 30_000;

/** After how long without a word the instance is gone; null: never. */
export function ttlOf({ ttlMs, beats }: Pick<Instance, "ttlMs" | "beats">): number | null {
  return ttlMs ?? (beats ? DEFAULT_TTL_MS : null);
}

/** What is the matter with one field: `metadata.weight`; empty for the whole. */
export interface FieldProblem {
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
}

export type RefusalCode =
  | "bad_request"
  | "body_too_large"
  | "invalid_registration"
  | "address_forbidden"
  | "reserved_service"
  | "instance_conflict"
  | "instance_not_found"
  | "registry_full"
  | "registry_unavailable";

/** The registry does not do what was asked; the message and the problems say why, for whoever asked. */
export class RegistryRefusal extends Error {
  readonly code: RefusalCode;
  readonly problems: readonly FieldProblem[];

  constructor(code: RefusalCode, message: string, problems: readonly FieldProblem[] = []) {
    super(message);
    this.code = code;
    this.problems = problems;
  }
}
