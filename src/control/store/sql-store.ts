import type { Database, Row, Run } from "./database.ts";
import { decodeValue, encodeAudit, encodeValue, idFault } from "./kept-values.ts";
import { lockForWriting } from "./migrations.ts";
import {
  type AuditEntry,
  type Change,
  type ObjectKind,
  RevisionConflict,
  type Store,
  type StoredObject,
} from "./store.ts";
import { StoreError } from "./store-error.ts";

const MAX_PAGE_SIZE = 1000;
/** A check that went well is good for so long: whoever may ask for readiness may not make us write at will. */
const CHECK_HOLDS_MS = 5000;

const OBJECT = "kind, id, value, revision, updated_at";

export interface SqlStoreOptions {
  /** Ms since the epoch. */
  readonly now: () => number;
  /** So many audit lines are kept, the newest. */
  readonly keptAuditLines: number;
  /** So many deleted objects are remembered: what is made anew under their name has a revision that they never had. */
  readonly keptDeletions: number;
}

/** The store in SQL that every engine understands. One writer at a time, over all processes: what it numbers, it numbers in order. */
export class SqlStore implements Store {
  readonly #database: Database;
  readonly #options: SqlStoreOptions;
  /** Whole ones: what the columns take. */
  readonly #now: () => number;
  #checkedAt = -Infinity;
  #checking: Promise<void> | null = null;

  constructor(database: Database, options: SqlStoreOptions) {
    this.#database = database;
    this.#options = options;
    this.#now = () => Math.round(options.now());
  }

  async list(kind: ObjectKind): Promise<StoredObject[]> {
    const select = `SELECT ${OBJECT} FROM sluice_objects WHERE kind = $1 AND value IS NOT NULL ORDER BY seq`;
    const rows = await this.#database.read((run) => run(select, [kind]));
    return rows.map(toObject);
  }

  async get(kind: ObjectKind, id: string): Promise<StoredObject | null> {
    if (idFault(id) !== null) return null;
    const row = await this.#database.read((run) => find(run, kind, id));
    return row === undefined || row.value === null ? null : toObject(row);
  }

  async apply(changes: readonly Change[]): Promise<StoredObject[]> {
    const texts = changes.map(encodeChange);
    if (changes.length === 0) return [];
    return this.#write(async (run) => {
      const done: StoredObject[] = [];
      for (const [at, change] of changes.entries()) {
        done.push(await this.#applyOne(run, change, texts[at]!));
        await this.#record(run, change.audit);
      }
      return done;
    });
  }

  async audit({
    page,
    pageSize,
  }: {
    page: number;
    pageSize: number;
  }): Promise<{ entries: AuditEntry[]; total: number }> {
    checkPage(page, pageSize);
    const select = "SELECT id, at, actor, action, target, detail FROM sluice_audit ORDER BY id DESC LIMIT $1 OFFSET $2";
    return this.#database.read(async (run) => {
      const [count] = await run("SELECT count(*) AS total FROM sluice_audit");
      const rows = await run(select, [pageSize, (page - 1) * pageSize]);
      return { entries: rows.map(toAuditEntry), total: Number(count!.total) };
    });
  }

  async record(entry: Omit<AuditEntry, "id" | "at">): Promise<void> {
    await this.#write((run) => this.#record(run, entry));
  }

  async check(): Promise<void> {
    const since = this.#now() - this.#checkedAt;
    if (since >= 0 && since < CHECK_HOLDS_MS) return;
    this.#checking ??= this.#writeSomething().finally(() => (this.#checking = null));
    await this.#checking;
  }

  close(): Promise<void> {
    this.#checkedAt = -Infinity;
    return this.#database.close();
  }

  async #applyOne(run: Run, change: Change, text: string | null): Promise<StoredObject> {
    const { kind, id, ifRevision } = change;
    const row = await find(run, kind, id);
    const isThere = row !== undefined && row.value !== null;
    const last = Number(row?.revision ?? 0);
    if (ifRevision !== null && ifRevision !== (isThere ? last : 0))
      throw new RevisionConflict(isThere ? toObject(row) : null);
    const updatedAt = this.#now();
    if (text === null && !isThere) return { kind, id, value: null, revision: last, updatedAt };
    const revision = last + 1;
    if (text !== null && isThere) {
      const update = "UPDATE sluice_objects SET value = $1, revision = $2, updated_at = $3 WHERE kind = $4 AND id = $5";
      await run(update, [text, revision, updatedAt, kind, id]);
    } else {
      // One that comes or goes is the youngest of its kind.
      await run("DELETE FROM sluice_objects WHERE kind = $1 AND id = $2", [kind, id]);
      const next = "(SELECT coalesce(max(seq), 0) + 1 FROM sluice_objects)";
      const insert = `INSERT INTO sluice_objects (seq, ${OBJECT}) VALUES (${next}, $1, $2, $3, $4, $5)`;
      await run(insert, [kind, id, text, revision, updatedAt]);
      if (text === null) await forgetDeletions(run, this.#options.keptDeletions);
    }
    return { kind, id, value: text === null ? null : JSON.parse(text), revision, updatedAt };
  }

  async #record(run: Run, entry: Omit<AuditEntry, "id" | "at">): Promise<void> {
    const { actor, action, target, detail } = encodeAudit(entry);
    const next = "(SELECT coalesce(max(id), 0) + 1 FROM sluice_audit)";
    const insert = `INSERT INTO sluice_audit (id, at, actor, action, target, detail)
      VALUES (${next}, $1, $2, $3, $4, $5) RETURNING id`;
    const [row] = await run(insert, [this.#now(), actor, action, target, detail]);
    // Ids have no gaps: one writer at a time makes them.
    await run("DELETE FROM sluice_audit WHERE id <= $1", [Number(row!.id) - this.#options.keptAuditLines]);
  }

  async #writeSomething(): Promise<void> {
    const now = this.#now();
    await this.#write((run) => run("UPDATE sluice_schema SET checked_at = $1", [now]));
    this.#checkedAt = now;
  }

  async #write<T>(work: (run: Run) => Promise<T>): Promise<T> {
    try {
      return await this.#database.write(async (run) => {
        await lockForWriting(run, this.#database);
        return work(run);
      });
    } catch (error) {
      if (error instanceof StoreError) this.#checkedAt = -Infinity;
      throw error;
    }
  }
}

function encodeChange({ kind, id, value }: Change): string | null {
  const fault = idFault(id);
  if (fault !== null) throw new StoreError("invalid", fault);
  return value === null ? null : encodeValue(`the ${kind} ${JSON.stringify(id)}`, value);
}

function checkPage(page: number, pageSize: number): void {
  if (!Number.isSafeInteger(page) || page < 1 || page > 1e9) throw new StoreError("invalid", "pages count from 1");
  if (Number.isSafeInteger(pageSize) && pageSize >= 1 && pageSize <= MAX_PAGE_SIZE) return;
  throw new StoreError("invalid", `a page has 1 to ${MAX_PAGE_SIZE} entries`);
}

/** A deleted one has no value. */
async function find(run: Run, kind: ObjectKind, id: string): Promise<Row | undefined> {
  const [row] = await run(`SELECT ${OBJECT} FROM sluice_objects WHERE kind = $1 AND id = $2`, [kind, id]);
  return row;
}

async function forgetDeletions(run: Run, kept: number): Promise<void> {
  const oldest = "SELECT seq FROM sluice_objects WHERE value IS NULL ORDER BY seq DESC LIMIT 1 OFFSET $1";
  await run(`DELETE FROM sluice_objects WHERE value IS NULL AND seq <= (${oldest})`, [kept]);
}

function toObject(row: Row): StoredObject {
  const kind = row.kind as ObjectKind;
  const id = String(row.id);
  const value = decodeValue(`the ${kind} ${JSON.stringify(id)}`, row.value);
  return { kind, id, value, revision: Number(row.revision), updatedAt: Number(row.updated_at) };
}

function toAuditEntry(row: Row): AuditEntry {
  return {
    id: Number(row.id),
    at: Number(row.at),
    actor: String(row.actor),
    action: String(row.action),
    target: String(row.target),
    detail: decodeValue(`audit line ${row.id}`, row.detail) as AuditEntry["detail"],
  };
}
