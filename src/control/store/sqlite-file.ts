import { closeSync, constants, fsyncSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { StoreError } from "./store-error.ts";

/** Which file it is, whatever it is called. */
export interface FileIdentity {
  readonly device: number;
  readonly inode: number;
}

/**
 * Makes the file, for its owner only, and the folders that it needs, where they are not there; what is there stays as it is.
 * @throws StoreError `unwritable`
 */
export function prepareFile(path: string): void {
  try {
    const first = mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    createFile(path);
    if (first !== undefined) syncFolders(dirname(path), dirname(first));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const user = `the user that runs Sluice (uid ${process.getuid?.()})`;
    const todo = `let ${user} write there, or name another file in store.url`;
    throw new StoreError("unwritable", `the store ${path} cannot be made: ${code ?? message}; ${todo}`, { cause });
  }
}

/** @returns null when there is none */
export function identityOf(path: string): FileIdentity | null {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? null : { device: stats.dev, inode: stats.ino };
}

/** @returns a warning for people, or null */
export function tooOpen(path: string): string | null {
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) === 0) return null;
  return `the store ${path} is open to other users of this machine (mode ${mode.toString(8)}): chmod 600 it`;
}

/** Never opens one that is there: closing it again would drop the locks that SQLite holds on it in this process. */
function createFile(path: string): void {
  try {
    closeSync(openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** A new folder outlives a power cut only when the one it stands in has been written. SQLite does so for its files alone. */
function syncFolders(from: string, to: string): void {
  for (let folder = from; ; folder = dirname(folder)) {
    const fd = openSync(folder, constants.O_RDONLY);
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    if (folder === to || folder === dirname(folder)) return;
  }
}
