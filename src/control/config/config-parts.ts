import { isNull, type ConfigNode, type ListNode, type MapNode } from "./config-node.ts";
import type { Position } from "./diagnostics.ts";

/** Where parts go. */
const SECTIONS = { upstreams: ["upstreams"], routes: ["routes"], keys: ["security", "auth", "keys"] } as const;

/** A piece of configuration that stands in no file: kept by the admin API, or found by a provider. */
export interface ConfigPart {
  readonly section: keyof typeof SECTIONS;
  /** What a file would say, its name included. */
  readonly value: Readonly<Record<string, unknown>>;
  /** What diagnostics say in the place of a file: `store: route shop`, `docker: container shop`. */
  readonly from: string;
  /** Who found it; null: it is the operator's own. */
  readonly provider: string | null;
}

/** As if the parts stood in the file behind what it says itself. A section that is no list stays as it is, and is an error later. */
export function appendParts(root: MapNode, parts: readonly ConfigPart[]): void {
  for (const { section, value, from, provider } of parts) {
    const list = listAt(root, SECTIONS[section]);
    list?.items.push(partNode(value, { file: from, line: 0, column: 0 }, provider));
  }
}

/** The list at `path`, made where nothing is written; null: something else is. */
function listAt(root: MapNode, path: readonly string[]): ListNode | null {
  let node: MapNode = root;
  for (const [i, step] of path.entries()) {
    const isLast = i === path.length - 1;
    const written = node.entries.get(step)?.value;
    const next: ConfigNode = written === undefined || isNull(written) ? emptyNode(isLast, root.at) : written;
    if (next !== written) node.entries.set(step, { keyAt: root.at, value: next });
    if (isLast) return next.kind === "list" ? next : null;
    if (next.kind !== "map") return null;
    node = next;
  }
  return null;
}

function emptyNode(isList: boolean, at: Position): MapNode | ListNode {
  return isList ? { kind: "list", at, items: [] } : { kind: "map", at, entries: new Map() };
}

function partNode(value: Readonly<Record<string, unknown>>, at: Position, provider: string | null): MapNode {
  const node = nodeOf(value, at, provider !== null) as MapNode;
  return provider === null ? node : { ...node, provider };
}

/** @param isOurs names may say who found them */
function nodeOf(value: unknown, at: Position, isOurs: boolean): ConfigNode {
  if (Array.isArray(value)) return { kind: "list", at, items: value.map((item) => nodeOf(item, at, isOurs)) };
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
    return {
      kind: "map",
      at,
      entries: new Map(entries.map(([key, inner]) => [key, { keyAt: at, value: nodeOf(inner, at, isOurs) }])),
    };
  }
  const isScalar = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  const scalar = isScalar ? value : null;
  return { kind: "scalar", at, value: scalar, source: String(scalar), isLoose: false, isOurs };
}
