import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { StoreError } from "./store-error.ts";

export type StoreUrl = { readonly engine: "sqlite"; readonly path: string } | PostgresUrl;

export interface PostgresUrl {
  readonly engine: "postgres";
  readonly url: URL;
  /** null: the one that is called like the user. */
  readonly database: string | null;
  /** For people: without user and password. */
  readonly shown: string;
}

const HINT = "give sqlite:data/sluice.db or postgres://USER:PASSWORD@HOST:5432/DATABASE";

/**
 * `sqlite:PATH` (a relative one from `folder`; `sqlite:///PATH` and `sqlite://./PATH` are the same) or `postgres://…`.
 * @throws StoreError `invalid`, without what was given: there may be a password in it
 */
export function parseStoreUrl(text: string, folder: string): StoreUrl {
  if (/^sqlite:/i.test(text)) return { engine: "sqlite", path: sqlitePath(text, folder) };
  if (/^postgres(ql)?:\/\//i.test(text)) return postgresUrl(text);
  throw new StoreError("invalid", `store.url names no engine that there is: ${HINT}`);
}

/** Has it been made already? Of a server nobody knows without asking. */
export function isStoreThere(text: string, folder: string = process.cwd()): boolean {
  try {
    const at = parseStoreUrl(text, folder);
    return at.engine === "postgres" || existsSync(at.path);
  } catch {
    return false;
  }
}

function sqlitePath(text: string, folder: string): string {
  const path = text.replace(/^sqlite:(\/\/)?/i, "");
  if (path === "" || path.endsWith("/")) throw new StoreError("invalid", `store.url names no file: ${HINT}`);
  if (path === ":memory:") {
    throw new StoreError("invalid", `store.url is ":memory:", which keeps nothing: give a file (${HINT})`);
  }
  const forbidden = /[?\0]/.exec(path);
  if (forbidden === null) return resolve(folder, path);
  throw new StoreError("invalid", `store.url: the path must have no ${forbidden[0] === "?" ? '"?"' : "NUL"} (${HINT})`);
}

function postgresUrl(text: string): PostgresUrl {
  const url = URL.parse(text);
  const path = url === null ? null : decoded(url.pathname.slice(1));
  if (url === null || path === null) {
    const hint = "characters such as @ / ? # and % in a password are written as %40 %2F %3F %23 %25";
    throw new StoreError("invalid", `store.url cannot be read: ${HINT}; ${hint}`);
  }
  const { host, searchParams } = url;
  const database = searchParams.get("dbname") || path || null;
  const shownHost = host || searchParams.get("host") || searchParams.get("path") || "localhost";
  return { engine: "postgres", url, database, shown: `postgres://${shownHost}/${database ?? ""}` };
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
