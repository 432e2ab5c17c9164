import { afterAll, beforeAll } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Database, USUAL_PATIENCE } from "../../src/control/store/database.ts";
import { openStore, type StoreOptions } from "../../src/control/store/open-store.ts";
import { openPostgres } from "../../src/control/store/postgres-database.ts";
import { openSqlite } from "../../src/control/store/sqlite-database.ts";
import type { Change, Store } from "../../src/control/store/store.ts";
import { StoreError } from "../../src/control/store/store-error.ts";
import { parseStoreUrl } from "../../src/control/store/store-url.ts";
import { PostgresServer } from "../kit/postgres-server.ts";

/** What the cases need of an engine. */
export interface Engine {
  /** Of a database that has never been used. */
  freshUrl(): Promise<string>;
  /** By another connection, as an operator or another program has it. */
  query(url: string, statement: string): Promise<Array<Record<string, unknown>>>;
}

/** To be called where tests are described: has a folder for them, and takes it away. */
export function sqliteEngine(): Engine & { folder(): string } {
  let folder: string;
  let count = 0;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "sluice-store-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return {
    folder: () => folder,
    freshUrl: async () => `sqlite:${join(folder, `${++count}`, "sluice.db")}`,
    async query(url, statement) {
      const sql = new Bun.SQL({ adapter: "sqlite", filename: url.slice("sqlite:".length) });
      try {
        return [...(await sql.unsafe(statement))];
      } finally {
        await sql.close();
      }
    },
  };
}

/** To be called where tests are described: has a server for them. */
export function postgresEngine(): Engine & { server(): PostgresServer } {
  let server: PostgresServer | undefined;
  beforeAll(async () => {
    server = await PostgresServer.start();
  }, 60_000);
  afterAll(() => server?.stop());
  return {
    server: () => server!,
    freshUrl: () => server!.createDatabase(),
    query: (url, statement) => server!.query(statement, url),
  };
}

export const SHORT_PATIENCE = { ...USUAL_PATIENCE, lockMs: 100, connectMs: 1500, statementMs: 800, callMs: 2000 };

export interface OpenedStore extends AsyncDisposable {
  readonly store: Store;
  readonly said: string[];
  /** What `now` gives. */
  readonly clock: { ms: number };
}

/** Closes itself. */
export async function opened(url: string, options: Partial<StoreOptions> = {}): Promise<OpenedStore> {
  const said: string[] = [];
  const clock = { ms: 1_700_000_000_000 };
  const store = await openStore({ url, now: () => clock.ms, log: (line) => said.push(line), ...options });
  return { store, said, clock, [Symbol.asyncDispose]: () => store.close() };
}

/** What a store stands on, without its tables. Closes itself. */
export async function connected(url: string): Promise<Database & AsyncDisposable> {
  const at = parseStoreUrl(url, "/");
  const log = () => undefined;
  const database = await (at.engine === "sqlite"
    ? openSqlite(at.path, log, USUAL_PATIENCE)
    : openPostgres(at, log, USUAL_PATIENCE));
  return Object.assign(database, { [Symbol.asyncDispose]: () => database.close() });
}

/** The error that it fails with. */
export async function failure(promise: Promise<unknown>): Promise<StoreError> {
  const error = await promise.then(
    (value) => new Error(`it did not fail, and gave ${JSON.stringify(value)?.slice(0, 200)}`),
    (error: unknown) => error,
  );
  if (error instanceof StoreError) return error;
  throw error;
}

export function put(id: string, value: unknown, ifRevision: number | null = null): Change {
  const audit = { actor: "ann", action: "route.update", target: id, detail: {} };
  return { kind: "route", id, value, ifRevision, audit };
}

export function remove(id: string, ifRevision: number | null = null): Change {
  return { ...put(id, null, ifRevision), audit: { actor: "ann", action: "route.delete", target: id, detail: {} } };
}
