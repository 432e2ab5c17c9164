import type { Database, Dialect, Patience, Run } from "./database.ts";
import { type FileIdentity, identityOf, prepareFile, tooOpen } from "./sqlite-file.ts";
import { damaged, explainSqlite } from "./sqlite-errors.ts";
import { StoreError } from "./store-error.ts";

const LONGEST_PAUSE_MS = 50;

const SETTINGS = [
  // Answers at once: waiting inside SQLite would stop everything that this thread serves.
  "PRAGMA busy_timeout = 0",
  "PRAGMA synchronous = FULL",
  // On a Mac, only these reach the disk.
  "PRAGMA fullfsync = ON",
  "PRAGMA checkpoint_fullfsync = ON",
  // A damaged or crafted file gets no further than its error.
  "PRAGMA trusted_schema = OFF",
  "PRAGMA cell_size_check = ON",
];

/** @throws StoreError when it cannot be written, is damaged, is locked */
export async function openSqlite(path: string, log: (line: string) => void, patience: Patience): Promise<Database> {
  prepareFile(path);
  const database = new SqliteDatabase(path, patience);
  try {
    await database.prepare();
  } catch (error) {
    await database.close();
    throw error;
  }
  const warning = tooOpen(path);
  if (warning !== null) log(warning);
  return database;
}

/** One connection. Its calls are synchronous and short: the disk's own time, once for each change. */
class SqliteDatabase implements Database {
  readonly shown: string;
  readonly dialect: Dialect = {
    findSchema: "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'sluice_schema'",
    lockSchema: [],
    // A write has the whole file.
    forUpdate: "",
  };
  readonly #patience: Patience;
  readonly #sql: Bun.SQL;
  readonly #running = new Set<Promise<unknown>>();
  readonly #identity: FileIdentity | null;
  #isClosed = false;

  constructor(path: string, patience: Patience) {
    this.shown = path;
    this.#patience = patience;
    this.#identity = identityOf(path);
    this.#sql = new Bun.SQL({ adapter: "sqlite", filename: path });
  }

  async prepare(): Promise<void> {
    await this.#whenUnlocked(async () => {
      for (const setting of SETTINGS) await this.#sql.unsafe(setting);
      const faults = await this.#sql.unsafe("PRAGMA integrity_check(3)");
      const texts = faults.map((row: Record<string, unknown>) => String(row.integrity_check));
      if (texts.join() !== "ok") throw damaged(this.shown, texts.join("; "));
      const [mode] = await this.#sql.unsafe("PRAGMA journal_mode = WAL");
      if (mode?.journal_mode === "wal") return;
      const todo = "put it on a local disk: a folder of the network cannot keep it";
      throw new StoreError("unwritable", `the store ${this.shown} cannot have a write-ahead log here: ${todo}`);
    });
  }

  write<T>(work: (run: Run) => Promise<T>): Promise<T> {
    return this.#track(() => {
      this.#mustBeInPlace();
      return this.#transaction("immediate", work);
    });
  }

  read<T>(work: (run: Run) => Promise<T>): Promise<T> {
    return this.#track(() => this.#transaction("deferred", work));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#running);
    await this.#sql.close();
  }

  /** Every statement is part of one: what runs beside a transaction would run inside it. */
  #transaction<T>(mode: "immediate" | "deferred", work: (run: Run) => Promise<T>): Promise<T> {
    return this.#sql.begin(mode, (tx) =>
      work((statement, values = []) => tx.unsafe(statement, [...values])),
    ) as Promise<T>;
  }

  #track<T>(body: () => Promise<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(new StoreError("closed", `the store ${this.shown} is closed`));
    const running = this.#whenUnlocked(body);
    this.#running.add(running);
    const forget = () => void this.#running.delete(running);
    running.then(forget, forget);
    return running;
  }

  async #whenUnlocked<T>(body: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + this.#patience.lockMs;
    for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        return await body();
      } catch (error) {
        if (!isLocked(error) || performance.now() > deadline) throw explainSqlite(error, this.shown);
      }
      await Bun.sleep(pauseMs);
    }
  }

  /** What is written to a file that has no name any more is gone with the next start. */
  #mustBeInPlace(): void {
    const now = identityOf(this.shown);
    if (now !== null && now.inode === this.#identity?.inode && now.device === this.#identity.device) return;
    const what = now === null ? "deleted or moved" : "replaced by another file";
    throw new StoreError("unwritable", `the store ${this.shown} was ${what} while it is in use: restart Sluice`);
  }
}

function isLocked(error: unknown): boolean {
  return error instanceof Bun.SQL.SQLiteError && /^SQLITE_(BUSY|LOCKED|PROTOCOL)/.test(error.code);
}
