import { StoreError } from "./store-error.ts";

/** What SQLite says, and what to do about it. */
export function explainSqlite(error: unknown, path: string): unknown {
  if (!(error instanceof Bun.SQL.SQLiteError)) return error;
  const { code, message } = error;
  const because = `${message}, ${code}`;
  switch (/^SQLITE_[A-Z]+/.exec(code)?.[0]) {
    case "SQLITE_BUSY":
    case "SQLITE_LOCKED":
    case "SQLITE_PROTOCOL": {
      const todo = "is another Sluice, a backup or a sqlite3 shell in the middle of a change? End it";
      return new StoreError("unavailable", `the store ${path} is locked by another program: ${todo}`, { cause: error });
    }
    case "SQLITE_NOMEM":
      return new StoreError("unavailable", `the store ${path}: there is not enough memory`, { cause: error });
    case "SQLITE_FULL":
      return new StoreError("unwritable", `the store ${path} cannot be written: the disk is full`, { cause: error });
    case "SQLITE_TOOBIG":
      return new StoreError("too_large", `the store ${path} does not take a value of this size`, { cause: error });
    case "SQLITE_CANTOPEN":
    case "SQLITE_READONLY":
    case "SQLITE_PERM":
    case "SQLITE_AUTH": {
      const todo =
        "Sluice writes this file and its folder: look at who owns them and whether they are mounted read-only";
      return new StoreError("unwritable", `the store ${path} cannot be written (${because}): ${todo}`, {
        cause: error,
      });
    }
    case "SQLITE_IOERR": {
      const todo = "look at the disk: is it full, over its quota or broken?";
      return new StoreError("unwritable", `the store ${path} cannot be read or written (${because}): ${todo}`, {
        cause: error,
      });
    }
    case undefined:
      return new StoreError("closed", `the store ${path} is closed`, { cause: error });
    default:
      return damaged(path, because, error);
  }
}

/** Says how to go on, with and without a backup. */
export function damaged(path: string, because: string, cause?: unknown): StoreError {
  const todo =
    `stop Sluice, move the file away together with its -wal and -shm files, and restore a backup; ` +
    `"sqlite3 MOVED.db .recover | sqlite3 ${path}" saves what can be read, and without a file Sluice starts with an empty store`;
  return new StoreError("damaged", `the store ${path} is damaged or no SQLite database (${because}): ${todo}`, {
    cause,
  });
}
