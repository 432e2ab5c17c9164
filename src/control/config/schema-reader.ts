import { KindGuard } from "@sinclair/typebox";
import { describeNode, isNull, toPlain, type ConfigNode, type ListNode, type MapNode } from "./config-node.ts";
import type { ConfigPath, DiagnosticBag, Position } from "./diagnostics.ts";
import { didYouMean } from "../../contract/edit-distance.ts";
import { Expected, ItemOf, ReadScalar, type AnnotatedSchema } from "./schema-kit.ts";

const NOT_YET = "not active yet: it is validated, and takes effect in a later version";

/**
 * Reads nodes as a schema says: typed values with durations in ms and sizes in bytes, in the shape of the schema's `Static`. What
 * does not fit is told to the bag and left out, and reading goes on, so that all mistakes are told at once.
 */
export class SchemaReader {
  readonly #bag: DiagnosticBag;
  #laterDepth = 0;

  constructor(bag: DiagnosticBag) {
    this.#bag = bag;
  }

  read(schema: AnnotatedSchema, node: ConfigNode, path: ConfigPath): unknown {
    if (KindGuard.IsObject(schema)) return this.#readObject(schema, node, path);
    if (KindGuard.IsArray(schema)) return this.#readArray(schema.items, node, path);
    if (KindGuard.IsRecord(schema)) return this.#readMap(schema, node, path);
    if (KindGuard.IsUnion(schema)) return this.#readUnion(schema, node, path);
    if (schema[ItemOf] !== undefined) return this.#readOneOrMany(schema[ItemOf], node, path);
    if (schema[ReadScalar] !== undefined) return this.#readScalar(schema, node, path);
    return toPlain(node);
  }

  #readScalar(schema: AnnotatedSchema, node: ConfigNode, path: ConfigPath): unknown {
    const reading = node.kind === "scalar" ? schema[ReadScalar]!(node) : null;
    if (reading === null) return this.#unexpected(schema, node, path);
    if ("value" in reading) return reading.value;
    this.#bag.error(node.at, path, reading.problem, reading.hint);
    return undefined;
  }

  #readObject(schema: AnnotatedSchema, node: ConfigNode, path: ConfigPath): unknown {
    if (node.kind !== "map") return this.#unexpected(schema, node, path);
    const properties = schema.properties as Record<string, AnnotatedSchema>;
    const value: Record<string, unknown> = {};
    for (const [key, entry] of node.entries) {
      const property = Object.hasOwn(properties, key) ? properties[key] : undefined;
      if (property === undefined) this.#unknownKey(schema, key, entry.keyAt, path);
      else if (!isNull(entry.value))
        value[key] = this.#readProperty(property, entry.value, [...path, key], entry.keyAt);
      else if (property.refusesNull)
        this.#bag.error(entry.keyAt, [...path, key], `has no value: expected ${expectedOf(property)}`);
    }
    this.#requireKeys(schema, node, path);
    return value;
  }

  #readProperty(schema: AnnotatedSchema, node: ConfigNode, path: ConfigPath, keyAt: Position): unknown {
    if (!schema.later) return this.read(schema, node, path);
    // One warning for the whole feature, not one for each of its keys.
    if (this.#laterDepth === 0) this.#bag.warn(keyAt, path, NOT_YET);
    this.#laterDepth++;
    const value = this.read(schema, node, path);
    this.#laterDepth--;
    return value;
  }

  #requireKeys(schema: AnnotatedSchema, node: MapNode, path: ConfigPath): void {
    for (const key of (schema.required ?? []) as string[]) {
      const given = node.entries.get(key);
      if (given === undefined) this.#bag.error(node.at, path, `"${key}" is missing`);
      else if (isNull(given.value) && !isLoose(given.value)) {
        this.#bag.error(given.keyAt, [...path, key], "has no value");
      }
    }
  }

  #unknownKey(schema: AnnotatedSchema, key: string, at: Position, path: ConfigPath): void {
    if (path.length === 0 && key.startsWith("x-")) return;
    const known = Object.keys(schema.properties as object);
    const list = known.length <= 14 ? `known here: ${known.join(", ")}` : undefined;
    this.#bag.error(at, [...path, key], `unknown key "${key}"`, didYouMean(key, known) ?? list);
  }

  #readArray(item: AnnotatedSchema, node: ConfigNode, path: ConfigPath): unknown {
    if (node.kind === "list") return this.#readItems(item, node, path);
    this.#bag.error(node.at, path, `expected a list, got ${describeNode(node)}`, 'start each item with "- "');
    return undefined;
  }

  #readOneOrMany(item: AnnotatedSchema, node: ConfigNode, path: ConfigPath): unknown {
    if (node.kind === "list") return this.#readItems(item, node, path);
    const only = this.read(item, node, path);
    return only === undefined ? undefined : [only];
  }

  /** Keeps places: an item that does not fit stays as undefined, so that the others keep their index. */
  #readItems(item: AnnotatedSchema, node: ListNode, path: ConfigPath): unknown[] {
    return node.items.map((entry, i) => this.read(item, entry, [...path, i]));
  }

  #readMap(schema: AnnotatedSchema, node: ConfigNode, path: ConfigPath): unknown {
    if (node.kind !== "map") return this.#unexpected(schema, node, path);
    const item = Object.values(schema.patternProperties as Record<string, AnnotatedSchema>)[0]!;
    const value: Record<string, unknown> = Object.create(null);
    for (const [key, entry] of node.entries) value[key] = this.read(item, entry.value, [...path, key]);
    return value;
  }

  /** Branches differ by kind (a scalar, a list, a map), so a value's kind tells which one is meant. */
  #readUnion(schema: AnnotatedSchema, node: ConfigNode, path: ConfigPath): unknown {
    const branch = (schema.anyOf as AnnotatedSchema[]).find((candidate) => kindOf(candidate) === node.kind);
    if (branch === undefined || isNull(node)) return this.#unexpected(schema, node, path);
    if (branch[ReadScalar] === undefined || node.kind !== "scalar" || branch[ReadScalar](node) !== null) {
      return this.read(branch, node, path);
    }
    return this.#unexpected(schema, node, path);
  }

  #unexpected(schema: AnnotatedSchema, node: ConfigNode, path: ConfigPath): undefined {
    // A scalar whose substitution failed has had its error.
    if (isLoose(node) && isNull(node)) return;
    this.#bag.error(node.at, path, `expected ${expectedOf(schema)}, got ${describeNode(node)}`);
  }
}

function isLoose(node: ConfigNode): boolean {
  return node.kind === "scalar" && node.isLoose;
}

function kindOf(schema: AnnotatedSchema): ConfigNode["kind"] {
  if (schema[ReadScalar] !== undefined) return "scalar";
  return KindGuard.IsArray(schema) ? "list" : "map";
}

/** What a schema wants, in words. */
export function expectedOf(schema: AnnotatedSchema): string {
  if (schema[Expected] !== undefined) return schema[Expected];
  if (schema[ItemOf] !== undefined) return `${expectedOf(schema[ItemOf])}, or a list of them`;
  if (KindGuard.IsUnion(schema)) return (schema.anyOf as AnnotatedSchema[]).map(expectedOf).join(", or ");
  if (KindGuard.IsArray(schema)) return "a list";
  if (KindGuard.IsObject(schema))
    return `a map (${Object.keys(schema.properties).slice(0, 6).join(", ")}${Object.keys(schema.properties).length > 6 ? ", …" : ""})`;
  if (KindGuard.IsRecord(schema)) return "a map";
  return "anything";
}
