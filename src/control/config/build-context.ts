import { nodeAt, positionOf, type ConfigNode } from "./config-node.ts";
import type { ConfigPath, DiagnosticBag, Position } from "./diagnostics.ts";
import type { FileAccess } from "./file-access.ts";
import type { Config } from "./schema.ts";

/** What every builder works with. Builders see configurations with mistakes in them: a value that did not fit is undefined. */
export class BuildContext {
  readonly config: Config;
  readonly files: FileAccess;
  readonly autoEdge: "serve" | "wire";
  readonly #root: ConfigNode;
  readonly #bag: DiagnosticBag;

  constructor(init: {
    config: Config;
    root: ConfigNode;
    bag: DiagnosticBag;
    files: FileAccess;
    autoEdge: "serve" | "wire";
  }) {
    this.config = init.config;
    this.files = init.files;
    this.autoEdge = init.autoEdge;
    this.#root = init.root;
    this.#bag = init.bag;
  }

  error(path: ConfigPath, message: string, hint?: string): void {
    this.#bag.error(positionOf(this.#root, path), path, message, hint);
  }

  warn(path: ConfigPath, message: string, hint?: string): void {
    this.#bag.warn(positionOf(this.#root, path), path, message, hint);
  }

  /** Of what stands in another file than the configuration. */
  errorAt(at: Position, message: string): void {
    this.#bag.error(at, [], message);
  }

  get hasErrors(): boolean {
    return this.#bag.hasErrors;
  }

  /** As written: `tls` may be one map or a list of them. */
  isList(path: ConfigPath): boolean {
    return nodeAt(this.#root, path)?.kind === "list";
  }

  /** Was it written at all, readable or not? */
  has(path: ConfigPath): boolean {
    return nodeAt(this.#root, path) !== undefined;
  }

  /** `line:column`, or null for what stands in no file. */
  place(path: ConfigPath): string | null {
    const { line, column } = positionOf(this.#root, path);
    return line > 0 ? `${line}:${column}` : null;
  }
}

/** The items of a list that could be read, with their places. */
export function readable<T>(list: readonly T[] | undefined): Array<{ item: T; index: number }> {
  const entries: Array<{ item: T; index: number }> = [];
  for (const [index, item] of (list ?? []).entries()) if (item !== undefined) entries.push({ item, index });
  return entries;
}
