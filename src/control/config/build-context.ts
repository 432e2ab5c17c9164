import { nodeAt, positionOf, type ConfigNode } from "./config-node.ts";
import type { ConfigPath, DiagnosticBag, Position } from "./diagnostics.ts";
import type { DnsStates } from "../discovery/dns/dns-endpoints.ts";
import type { DnsSpec } from "../discovery/dns/dns-spec.ts";
import type { FileAccess } from "./file-access.ts";
import type { Config } from "./schema.ts";

/** Where what the admin API keeps comes from. */
export const STORE = "store";

/** What every builder works with. Builders see configurations with mistakes in them: a value that did not fit is undefined. */
export class BuildContext {
  readonly config: Config;
  readonly files: FileAccess;
  readonly autoEdge: "serve" | "wire";
  /** What names under `dns:` lead to at the moment. */
  readonly resolved: DnsStates;
  /** Names under `dns:`, by key. */
  readonly dns = new Map<string, DnsSpec>();
  readonly #root: ConfigNode;
  readonly #bag: DiagnosticBag;

  constructor(init: {
    config: Config;
    root: ConfigNode;
    bag: DiagnosticBag;
    files: FileAccess;
    autoEdge: "serve" | "wire";
    resolved: DnsStates;
  }) {
    this.config = init.config;
    this.files = init.files;
    this.autoEdge = init.autoEdge;
    this.resolved = init.resolved;
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

  /** Who found the upstream or route at `path`; null: the operator's own. */
  providerOf(path: ConfigPath): string | null {
    const node = nodeAt(this.#root, path);
    return node?.kind === "map" ? (node.provider ?? null) : null;
  }

  /** `file:LINE:COLUMN`, or `store`, or who found it. */
  originOf(path: ConfigPath): string {
    const { file, line, column } = positionOf(this.#root, path);
    if (line > 0) return `file:${line}:${column}`;
    return this.providerOf(path) ?? (file.startsWith(`${STORE}:`) ? STORE : "file");
  }
}

/** The items of a list that could be read, with their places. */
export function readable<T>(list: readonly T[] | undefined): Array<{ item: T; index: number }> {
  const entries: Array<{ item: T; index: number }> = [];
  for (const [index, item] of (list ?? []).entries()) if (item !== undefined) entries.push({ item, index });
  return entries;
}
