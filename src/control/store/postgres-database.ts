import type { Database, Dialect, Patience, Run } from "./database.ts";
import { explainPostgres } from "./postgres-errors.ts";
import { StoreError } from "./store-error.ts";
import type { PostgresUrl } from "./store-url.ts";

/** One writes, others read. */
const CONNECTIONS = 3;

/** For the transaction, so that it holds behind a connection pooler, too; one that does not wait for the disk is made to. */
const SETTINGS = `SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $1, true),
  set_config('idle_in_transaction_session_timeout', $2, true),
  set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
    ELSE current_setting('synchronous_commit') END, true)`;

interface Pool {
  readonly sql: Bun.SQL;
  /** Transactions that have ended on it, well or not. */
  answers: number;
}

/** @throws StoreError when it cannot be reached or used */
export async function openPostgres(
  at: PostgresUrl,
  log: (line: string) => void,
  patience: Patience,
): Promise<Database> {
  const database = new PostgresDatabase(at, log, patience);
  try {
    await database.read(async (run) => {
      const [row] = await run("SELECT current_setting('server_encoding') AS encoding");
      if (row?.encoding === "UTF8") return;
      const todo = "make one with ENCODING 'UTF8' TEMPLATE template0";
      throw new StoreError("unwritable", `the store ${at.shown} has the encoding ${row?.encoding}: ${todo}`);
    });
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}

class PostgresDatabase implements Database {
  readonly shown: string;
  readonly dialect: Dialect = {
    findSchema: "SELECT 1 WHERE to_regclass('sluice_schema') IS NOT NULL",
    // A number of our own ("Sluice" in ASCII): two that start at once make the tables once.
    lockSchema: ["SELECT pg_advisory_xact_lock(92011010286437)"],
    forUpdate: " FOR UPDATE",
  };
  readonly #at: PostgresUrl;
  readonly #log: (line: string) => void;
  readonly #patience: Patience;
  #pool: Pool;
  #isUp = true;
  #isClosed = false;

  constructor(at: PostgresUrl, log: (line: string) => void, patience: Patience) {
    this.shown = at.shown;
    this.#at = at;
    this.#log = log;
    this.#patience = patience;
    this.#pool = this.#openPool();
  }

  write<T>(work: (run: Run) => Promise<T>): Promise<T> {
    return this.#within({ mode: "isolation level read committed", canChange: true }, work);
  }

  read<T>(work: (run: Run) => Promise<T>): Promise<T> {
    return this.#within({ mode: "isolation level repeatable read read only", canChange: false }, work);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#pool.sql.close({ timeout: this.#patience.callMs / 1000 });
  }

  #openPool(): Pool {
    const { url, database } = this.#at;
    const sql = new Bun.SQL(url.href, {
      adapter: "postgres",
      // The environment would win over the URL otherwise.
      ...(database !== null && { database }),
      ...(!url.searchParams.has("application_name") && { connection: { application_name: "sluice" } }),
      max: CONNECTIONS,
      connectionTimeout: this.#patience.connectMs / 1000,
      // Named statements would not be there behind a connection pooler.
      prepare: false,
    });
    return { sql, answers: 0 };
  }

  /** Keeps its promise or breaks it, and does so in time. */
  async #within<T>(kind: Kind, work: (run: Run) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new StoreError("closed", `the store ${this.shown} is closed`);
    const pool = this.#pool;
    const call = { isLate: false, isCommitting: false };
    const before = pool.answers;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      call.isLate = true;
      if (pool.answers === before) this.#replace(pool);
      const says = `the store ${this.shown} did not answer within ${this.#patience.callMs} ms`;
      reject(new StoreError("unavailable", says, { inDoubt: call.isCommitting }));
    }, this.#patience.callMs);
    try {
      const value = await Promise.race([this.#transaction({ pool, kind, call, work }), late]);
      this.#tell(null);
      return value;
    } catch (error) {
      const explained = explainPostgres(error, { shown: this.shown, isCommitting: call.isCommitting });
      if (explained instanceof StoreError && explained.code === "unavailable") this.#tell(explained);
      throw explained;
    } finally {
      clearTimeout(timer);
    }
  }

  async #transaction<T>({ pool, kind, call, work }: Transaction<T>): Promise<T> {
    const { statementMs, callMs } = this.#patience;
    try {
      return (await pool.sql.begin(kind.mode, async (tx) => {
        // Whoever asked has been told that it failed: it must not happen after all.
        const mustBeInTime = () => {
          if (call.isLate) throw new StoreError("unavailable", `the store ${this.shown} answered too late`);
        };
        mustBeInTime();
        await tx.unsafe(SETTINGS, [`${statementMs}`, `${callMs}`]);
        const value = await work((statement, values = []) => tx.unsafe(statement, [...values]));
        mustBeInTime();
        call.isCommitting = kind.canChange;
        return value;
      })) as T;
    } finally {
      pool.answers++;
    }
  }

  /** Nothing on it answers: what waits for it fails now, and what comes next connects anew. */
  #replace(pool: Pool): void {
    if (pool !== this.#pool || this.#isClosed) return;
    this.#pool = this.#openPool();
    pool.sql.close({ timeout: 0 }).catch(() => undefined);
  }

  #tell(error: StoreError | null): void {
    if (this.#isClosed || this.#isUp === (error === null)) return;
    this.#isUp = error === null;
    this.#log(error === null ? `the store ${this.shown} answers again` : error.message);
  }
}

/** What a transaction is begun with, and whether something may come of it. */
interface Kind {
  readonly mode: string;
  readonly canChange: boolean;
}

interface Transaction<T> {
  readonly pool: Pool;
  readonly kind: Kind;
  readonly call: { isLate: boolean; isCommitting: boolean };
  readonly work: (run: Run) => Promise<T>;
}
