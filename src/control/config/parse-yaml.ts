import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { Alias, Document, Node, Pair, Scalar, YAMLError, YAMLMap } from "yaml";
import type { ConfigNode, MapEntry, MapNode } from "./config-node.ts";
import type { ConfigPath, DiagnosticBag, Position } from "./diagnostics.ts";

/** A few lines of nested aliases can stand for billions of values; nobody writes this many by hand. */
const MAX_ALIASED_NODES = 50_000;
const MAX_DEPTH = 64;

/** What becomes of a text scalar: `${…}` is resolved here. null: an error was told. */
export type ScalarText = (text: string, at: Position, path: ConfigPath) => { text: string; isChanged: boolean } | null;

/** A text as YAML has it, before anything is made of it. */
interface YamlText {
  readonly text: string;
  readonly document: Document.Parsed;
  readonly lines: LineCounter;
}

/** Remembers the text it read last: most configurations are made anew because something else has changed than the file. */
export class YamlMemory {
  #last: YamlText | null = null;

  read(text: string): YamlText {
    if (this.#last?.text !== text) this.#last = readYaml(text);
    return this.#last;
  }
}

function readYaml(text: string): YamlText {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, strict: true });
  return { text, document, lines };
}

/** Reads YAML into nodes that know where they stand. @returns null when nothing can be made of it; `bag` then says why. */
export function parseYaml(
  file: string,
  source: string | YamlText,
  bag: DiagnosticBag,
  scalarText: ScalarText,
): ConfigNode | null {
  const { text, document, lines } = typeof source === "string" ? readYaml(source) : source;
  const positionAt = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  for (const error of worthTelling(document.errors)) {
    bag.error(positionAt(error.pos[0]), [], explain(error, text), hintFor(error, text));
  }
  if (document.errors.length > 0) return null;
  if (document.contents === null) return null;
  return new TreeBuilder(document, positionAt, bag, scalarText).build(document.contents, [], 0);
}

class TreeBuilder {
  readonly #document: Document;
  readonly #positionAt: (offset: number) => Position;
  readonly #bag: DiagnosticBag;
  readonly #scalarText: ScalarText;
  #aliasDepth = 0;
  #aliased = 0;

  constructor(
    document: Document,
    positionAt: (offset: number) => Position,
    bag: DiagnosticBag,
    scalarText: ScalarText,
  ) {
    this.#document = document;
    this.#positionAt = positionAt;
    this.#bag = bag;
    this.#scalarText = scalarText;
  }

  build(node: Node | null, path: ConfigPath, depth: number): ConfigNode {
    const at = this.#positionAt(node?.range?.[0] ?? 0);
    if (this.#aliasDepth > 0) this.#aliased++;
    if (this.#aliased > MAX_ALIASED_NODES) return this.#refused(at, path, "aliases expand to too many values");
    if (depth > MAX_DEPTH) return this.#refused(at, path, `nested deeper than ${MAX_DEPTH} levels`);
    if (isAlias(node)) return this.#buildAlias(node, at, path, depth);
    if (isMap(node)) return this.#buildMap(node as YAMLMap<Node, Node | null>, at, path, depth);
    if (isSeq(node)) {
      const items = node.items.map((item, i) => this.build(item as Node | null, [...path, i], depth + 1));
      return { kind: "list", at, items };
    }
    return this.#buildScalar(isScalar(node) ? node : null, at, path);
  }

  #buildScalar(scalar: Scalar | null, at: Position, path: ConfigPath): ConfigNode {
    const value = scalar?.value ?? null;
    const source = scalar?.source ?? String(value ?? "");
    if (typeof value === "number" || typeof value === "boolean" || value === null) {
      return { kind: "scalar", at, value, source, isLoose: false };
    }
    const resolved = this.#scalarText(String(value), at, path);
    if (resolved === null) return { kind: "scalar", at, value: null, source: "", isLoose: true };
    return { kind: "scalar", at, value: resolved.text, source: resolved.text, isLoose: resolved.isChanged };
  }

  #buildAlias(alias: Alias, at: Position, path: ConfigPath, depth: number): ConfigNode {
    const target = alias.resolve(this.#document);
    if (target === undefined) return this.#refused(at, path, `no anchor is called &${alias.source}`);
    this.#aliasDepth++;
    const built = this.build(target as Node, path, depth + 1);
    this.#aliasDepth--;
    return built;
  }

  #buildMap(map: YAMLMap<Node, Node | null>, at: Position, path: ConfigPath, depth: number): MapNode {
    const entries = new Map<string, MapEntry>();
    const merged: MapNode[] = [];
    for (const pair of map.items) {
      const keyAt = this.#positionAt(pair.key?.range?.[0] ?? map.range?.[0] ?? 0);
      const key = this.#keyOf(pair, keyAt, path);
      if (key === null) continue;
      const value = this.build(pair.value, [...path, key], depth + 1);
      if (key === "<<" && pair.key instanceof Object && (pair.key as Scalar).type === "PLAIN") {
        merged.push(...this.#mergeSources(value, keyAt, path));
      } else entries.set(key, { keyAt, value });
    }
    // What the map says itself wins over what it merges; earlier sources win over later ones.
    for (const source of merged) {
      for (const [key, entry] of source.entries) if (!entries.has(key)) entries.set(key, entry);
    }
    return { kind: "map", at, entries };
  }

  #keyOf(pair: Pair<Node, Node | null>, at: Position, path: ConfigPath): string | null {
    const key = isAlias(pair.key) ? pair.key.resolve(this.#document) : pair.key;
    if (isScalar(key)) return String(key.source ?? key.value ?? "");
    this.#bag.error(at, path, "a key must be a plain word");
    return null;
  }

  #mergeSources(value: ConfigNode, at: Position, path: ConfigPath): MapNode[] {
    const sources = value.kind === "list" ? value.items : [value];
    const maps = sources.filter((source) => source.kind === "map");
    if (maps.length < sources.length) this.#bag.error(at, [...path, "<<"], "only maps can be merged");
    return maps;
  }

  #refused(at: Position, path: ConfigPath, message: string): ConfigNode {
    // Once is enough: the value it stands for is empty, and nothing below it is visited.
    if (!this.#bag.hasErrors) this.#bag.error(at, path, message);
    return { kind: "scalar", at, value: null, source: "", isLoose: true };
  }
}

/** Repeated keys stand for themselves; after a slip in the syntax, the rest is only what the parser makes of it. */
function worthTelling(errors: readonly YAMLError[]): readonly YAMLError[] {
  const isRepeatedKey = (error: YAMLError) => error.code === "DUPLICATE_KEY";
  const slip = errors.find((error) => !isRepeatedKey(error));
  return slip === undefined ? errors : [slip];
}

function hintFor(error: YAMLError, text: string): string | undefined {
  const start = text.lastIndexOf("\n", error.pos[0] - 1) + 1;
  const isInFlow = /[{[].*[^"']\$\{/.test(text.slice(start, error.pos[0] + 2));
  return isInFlow ? 'inside { } and [ ], ${NAME} needs quotes: "${NAME}"' : undefined;
}

function explain(error: YAMLError, text: string): string {
  if (error.code === "DUPLICATE_KEY") {
    const key = /^[^\s:]+/.exec(text.slice(error.pos[0], error.pos[0] + 80))?.[0] ?? "";
    return `the key ${key} stands twice in this map`;
  }
  if (error.code === "TAB_AS_INDENT") return "YAML is indented with spaces, not tabs";
  if (error.code === "MULTIPLE_DOCS") return "one file holds one document: remove the second ---";
  return `not valid YAML: ${error.message.split("\n")[0]}`;
}
