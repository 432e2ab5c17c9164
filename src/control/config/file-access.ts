import { readFileSync, statSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";

/** A file that cannot be used, said so that a person knows what to do. */
export class FileProblem extends Error {
  override readonly name = "FileProblem";
}

export type ReadFile = (path: string) => Uint8Array;

/** Reads what a configuration depends on and remembers it, for whoever watches. */
export class FileAccess {
  readonly #folder: string;
  readonly #read: ReadFile;
  readonly #files = new Set<string>();

  /** @param folder what relative paths are relative to. */
  constructor(folder: string, read: ReadFile = readRegularFile) {
    this.#folder = folder;
    this.#read = read;
  }

  /** Absolute paths, also of those that could not be read: when they appear, the configuration is worth another try. */
  get files(): string[] {
    return [...this.#files];
  }

  resolve(path: string): string {
    return isAbsolute(path) ? path : resolve(this.#folder, path);
  }

  /** @throws FileProblem */
  text(path: string): string {
    const absolute = this.resolve(path);
    this.#files.add(absolute);
    return decode(this.#readOrExplain(absolute, path));
  }

  #readOrExplain(absolute: string, path: string): Uint8Array {
    try {
      return this.#read(absolute);
    } catch (error) {
      throw new FileProblem(explain(error, path));
    }
  }
}

export function readRegularFile(path: string): Uint8Array {
  // A pipe or a device would block or never end.
  const stat = statSync(path);
  if (!stat.isFile() && !stat.isDirectory()) throw new FileProblem(`${path} is not a regular file`);
  return readFileSync(path);
}

function decode(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) throw new FileProblem("is UTF-16; save it as UTF-8");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FileProblem("is not UTF-8 text");
  }
}

function explain(error: unknown, path: string): string {
  if (error instanceof FileProblem) return error.message;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT" || code === "ENOTDIR") return `cannot read ${path}: no such file`;
  if (code === "EACCES" || code === "EPERM") return `cannot read ${path}: permission denied`;
  if (code === "EISDIR") return `cannot read ${path}: it is a directory`;
  return `cannot read ${path}: ${code ?? String(error)}`;
}
