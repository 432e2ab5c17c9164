import { isScalar, parseDocument } from "yaml";
import { childOf, type ConfigNode, type ListNode, type MapNode } from "./config-node.ts";
import type { DiagnosticBag, Position } from "./diagnostics.ts";

/**
 * Puts `path.to.field=value` over what the file says. Lists are entered by index or by the `name` of an item; what is missing on
 * the way is created, so that `proxy.port=8081` works on a file that has no `proxy`.
 */
export function applyOverrides(root: MapNode, overrides: readonly string[], bag: DiagnosticBag): void {
  for (const override of overrides) {
    const at: Position = { file: `--set ${override}`, line: 0, column: 0 };
    const equals = override.indexOf("=");
    const steps = equals < 0 ? [] : override.slice(0, equals).trim().split(".");
    if (steps.length === 0 || steps.includes("")) bag.error(at, [], "expected path.to.field=value");
    else setAt(root, steps, valueNode(override.slice(equals + 1), at), bag);
  }
}

function valueNode(text: string, at: Position): ConfigNode {
  const contents = parseDocument(text).contents;
  const value = isScalar(contents) ? contents.value : text;
  const isTyped = typeof value === "number" || typeof value === "boolean";
  const plain = isTyped ? value : isScalar(contents) ? String(value ?? "") : text;
  return { kind: "scalar", at, value: plain, source: isTyped ? text.trim() : String(plain), isLoose: true };
}

function setAt(root: MapNode, steps: readonly string[], value: ConfigNode, bag: DiagnosticBag): void {
  let node: MapNode | ListNode = root;
  for (let i = 0; i < steps.length; i++) {
    const { step, used } = stepInto(node, steps, i);
    i += used - 1;
    const isLast = i === steps.length - 1;
    const known = childOf(node, step);
    const next: ConfigNode = isLast ? value : isBranch(known) ? known : emptyBranch(steps[i + 1]!, value.at);
    if (!put(node, step, next, value.at)) {
      bag.error(
        value.at,
        steps,
        `there is no ${steps.slice(0, i + 1).join(".")}`,
        "a list is entered by an item's index or name",
      );
      return;
    }
    if (!isLast) node = next as MapNode | ListNode;
  }
}

function isBranch(node: ConfigNode | undefined): node is MapNode | ListNode {
  return node !== undefined && node.kind !== "scalar";
}

function emptyBranch(nextStep: string, at: Position): ConfigNode {
  return nextStep === "0" ? { kind: "list", at, items: [] } : { kind: "map", at, entries: new Map() };
}

/** Names may hold dots (`api.v2`), so an item's name may take several steps. */
function stepInto(
  node: MapNode | ListNode,
  steps: readonly string[],
  from: number,
): { step: string | number; used: number } {
  if (node.kind === "map") return { step: steps[from]!, used: 1 };
  for (let used = 1; used <= steps.length - from; used++) {
    const name = steps.slice(from, from + used).join(".");
    const index = node.items.findIndex((item) => nameOf(item) === name);
    if (index >= 0) return { step: index, used };
  }
  return { step: /^\d+$/.test(steps[from]!) ? Number(steps[from]) : -1, used: 1 };
}

function nameOf(item: ConfigNode): string | null {
  const name = childOf(item, "name");
  return name?.kind === "scalar" ? name.source : null;
}

function put(node: MapNode | ListNode, step: string | number, value: ConfigNode, at: Position): boolean {
  if (node.kind === "map") {
    node.entries.set(String(step), { keyAt: at, value });
    return true;
  }
  const index = Number(step);
  if (index < 0 || index > node.items.length) return false;
  node.items[index] = value;
  return true;
}
