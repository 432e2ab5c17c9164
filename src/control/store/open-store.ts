import { type Database, type Patience, USUAL_PATIENCE } from "./database.ts";
import { migrate, SCHEMA_VERSION } from "./migrations.ts";
import { openPostgres } from "./postgres-database.ts";
import { SqlStore } from "./sql-store.ts";
import { openSqlite } from "./sqlite-database.ts";
import type { Store } from "./store.ts";
import { parseStoreUrl } from "./store-url.ts";

export const DEFAULT_STORE_URL = "sqlite:data/sluice.db";
const KEPT_AUDIT_LINES = 100_000;
const KEPT_DELETIONS = 10_000;

export interface StoreOptions {
  /** `sqlite:PATH` or `postgres://…`. */
  readonly url: string;
  /** Ms since the epoch. */
  readonly now: () => number;
  /** One line for people: tables were made, PostgreSQL went away and came back, the file is open to others. No passwords. */
  readonly log: (line: string) => void;
  /** What a relative path of SQLite starts from; else the working directory. */
  readonly folder?: string;
  /** How many audit lines are kept, the newest; else 100,000. */
  readonly keptAuditLines?: number;
  readonly patience?: Patience;
}

/**
 * Opens the store, makes it where there is none, checks that it is whole and brings its tables to this version.
 * Several processes may have one open: each change is checked against what is there by then, whoever wrote it.
 * @throws StoreError that says what to do
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { url, now, log, patience = USUAL_PATIENCE, keptAuditLines = KEPT_AUDIT_LINES } = options;
  const at = parseStoreUrl(url, options.folder ?? process.cwd());
  const database = await (at.engine === "sqlite"
    ? openSqlite(at.path, log, patience)
    : openPostgres(at, log, patience));
  try {
    tellMigration(database, await migrate(database), log);
    const store = new SqlStore(database, { now, keptAuditLines, keptDeletions: KEPT_DELETIONS });
    // What can only be read is found out now, not with the first change.
    await store.check();
    return store;
  } catch (error) {
    await database.close();
    throw error;
  }
}

function tellMigration({ shown }: Database, found: number, log: (line: string) => void): void {
  if (found === 0) log(`made the tables of the store ${shown}`);
  else if (found < SCHEMA_VERSION) log(`brought the store ${shown} from schema ${found} to ${SCHEMA_VERSION}`);
}
