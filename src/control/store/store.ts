/** What the admin API may write, by kind. */
export type ObjectKind = "route" | "upstream" | "endpoint" | "key" | "service";

export interface StoredObject {
  readonly kind: ObjectKind;
  /** Unique within its kind. */
  readonly id: string;
  /** Plain JSON, as it was given. */
  readonly value: unknown;
  /** Grows with every change of this object; from 1. */
  readonly revision: number;
  /** Ms since the epoch. */
  readonly updatedAt: number;
}

export interface AuditEntry {
  readonly id: number;
  /** Ms since the epoch. */
  readonly at: number;
  /** Who: the token's name, or the address that asked. */
  readonly actor: string;
  /** `route.create`, `key.delete`, `config.reload`. */
  readonly action: string;
  readonly target: string;
  /** Without secrets. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** A change and its audit line, in one transaction. */
export interface Change {
  readonly kind: ObjectKind;
  readonly id: string;
  /** null: it is deleted. */
  readonly value: unknown;
  /** The revision that is being replaced; 0: it must not be there yet; null: whatever is there. */
  readonly ifRevision: number | null;
  readonly audit: Omit<AuditEntry, "id" | "at">;
}

/** Somebody else was faster: what is there now. */
export class RevisionConflict extends Error {
  readonly current: StoredObject | null;

  constructor(current: StoredObject | null) {
    super(current === null ? "it is not there" : `it is at revision ${current.revision}`);
    this.current = current;
  }
}

/** What the admin API changes, kept over restarts. A promise that is kept means: it is on the disk. */
export interface Store {
  /** All of a kind, oldest first. */
  list(kind: ObjectKind): Promise<StoredObject[]>;
  get(kind: ObjectKind, id: string): Promise<StoredObject | null>;
  /** All or nothing, in order. @throws RevisionConflict */
  apply(changes: readonly Change[]): Promise<StoredObject[]>;
  /** Newest first. */
  audit(page: { page: number; pageSize: number }): Promise<{ entries: AuditEntry[]; total: number }>;
  record(entry: Omit<AuditEntry, "id" | "at">): Promise<void>;
  /** @throws when it cannot be read or written: the reason is for people. */
  check(): Promise<void>;
  close(): Promise<void>;
}
