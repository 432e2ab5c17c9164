export type SqlValue = string | number | null;
export type Row = Readonly<Record<string, unknown>>;

/** One statement with `$1`, `$2`, … for its values. @returns its rows */
export type Run = (statement: string, values?: readonly SqlValue[]) => Promise<readonly Row[]>;

/** What one engine does its own way, once it is open. Everything else about the store is the same code. */
export interface Database {
  /** Where it is, for people; without a password. */
  readonly shown: string;
  readonly dialect: Dialect;
  /**
   * All that `work` does or nothing of it, and on the disk when the promise is kept. Two that lock the same row do not overlap.
   * @throws StoreError, and whatever `work` throws
   */
  write<T>(work: (run: Run) => Promise<T>): Promise<T>;
  /** One moment's view of everything. @throws StoreError, and whatever `work` throws */
  read<T>(work: (run: Run) => Promise<T>): Promise<T>;
  /** What runs ends first; what comes later fails. */
  close(): Promise<void>;
}

export interface Dialect {
  /** Gives a row when there is a table `sluice_schema`. */
  readonly findSchema: string;
  /** Makes others wait that want to change the schema, too. */
  readonly lockSchema: readonly string[];
  /** At the end of a SELECT in `write`: others wait for this one's end. */
  readonly forUpdate: string;
}

/** How long others are waited for. */
export interface Patience {
  /** SQLite: another program in the middle of a change. */
  readonly lockMs: number;
  /** PostgreSQL: a connection to be made. */
  readonly connectMs: number;
  /** PostgreSQL: the server, with one statement and with a lock. */
  readonly statementMs: number;
  /** PostgreSQL: a whole call; beyond it the server or the network hangs. */
  readonly callMs: number;
}

export const USUAL_PATIENCE: Patience = { lockMs: 5000, connectMs: 3000, statementMs: 4000, callMs: 8000 };
