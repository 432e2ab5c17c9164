import type { ConfigPath, Position } from "./diagnostics.ts";

/**
 * A configuration as written: plain data that remembers where each value stands. Anchors, merge keys and `${…}` are resolved,
 * nothing is interpreted yet.
 */
export type ConfigNode = MapNode | ListNode | ScalarNode;

export interface MapNode {
  readonly kind: "map";
  readonly at: Position;
  readonly entries: Map<string, MapEntry>;
  /** Who found it; undefined: the operator's own. */
  readonly provider?: string;
}

export interface MapEntry {
  readonly keyAt: Position;
  readonly value: ConfigNode;
}

export interface ListNode {
  readonly kind: "list";
  readonly at: Position;
  readonly items: ConfigNode[];
}

export interface ScalarNode {
  readonly kind: "scalar";
  readonly at: Position;
  readonly value: string | number | boolean | null;
  /** As written: `1.0` stays `1.0`. */
  readonly source: string;
  /** Came from the environment or a flag, which know no types: the text counts, whatever YAML would make of it. */
  readonly isLoose: boolean;
  /** Made by Sluice for what a provider has found. */
  readonly isOurs?: boolean;
}

export function isNull(node: ConfigNode): boolean {
  return node.kind === "scalar" && node.value === null;
}

/** Where `path` stands, or the nearest thing above it that is written down. */
export function positionOf(root: ConfigNode, path: ConfigPath): Position {
  let node = root;
  for (const step of path) {
    const next = childOf(node, step);
    if (next === undefined) return node.at;
    node = next;
  }
  return node.at;
}

export function nodeAt(root: ConfigNode, path: ConfigPath): ConfigNode | undefined {
  let node: ConfigNode | undefined = root;
  for (const step of path) node = node === undefined ? undefined : childOf(node, step);
  return node;
}

export function childOf(node: ConfigNode, step: string | number): ConfigNode | undefined {
  if (node.kind === "map") return node.entries.get(String(step))?.value;
  if (node.kind === "list") return node.items[Number(step)];
  return undefined;
}

/** The bare values, for what no schema describes. */
export function toPlain(node: ConfigNode): unknown {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.items.map(toPlain);
  const plain: Record<string, unknown> = Object.create(null);
  for (const [key, { value }] of node.entries) plain[key] = toPlain(value);
  return plain;
}

/** For messages: `"5 parsecs"`, `a list`. */
export function describeNode(node: ConfigNode): string {
  if (node.kind === "map") return "a map";
  if (node.kind === "list") return "a list";
  if (node.value === null) return "nothing";
  const text = typeof node.value === "string" ? JSON.stringify(node.value) : node.source;
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
