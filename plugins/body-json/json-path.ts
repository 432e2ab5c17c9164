import { isContainer, type JsonDocument } from "./json-text.ts";

/** A member's name or an element's index; null: every one of them. */
type Step = string | null;

/** A place in a document, or several. */
export interface JsonPath {
  readonly steps: readonly Step[];
}

type Container = Record<string, unknown> | unknown[];

/**
 * `/user/name` is a JSON Pointer (RFC 6901). `user.name` is the same; there `*` stands for every element or member.
 * @throws Error with what is wrong with it
 */
export function compilePath(text: string): JsonPath {
  const steps = text.startsWith("/") ? pointerSteps(text) : dottedSteps(text);
  for (const step of steps) if (step !== null) checkKey(step);
  return { steps };
}

/** @throws Error for a name that is not one of the document but of the language */
export function checkKey(key: string): string {
  if (key === "__proto__") throw new Error(`"__proto__" cannot be used as a field's name`);
  return key;
}

function pointerSteps(text: string): Step[] {
  if (/~(?![01])/.test(text))
    throw new Error(`${JSON.stringify(text)} is no JSON Pointer: "~" is written "~0", "/" in a name "~1"`);
  return text
    .slice(1)
    .split("/")
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function dottedSteps(text: string): Step[] {
  const steps = text.split(".");
  if (steps.includes(""))
    throw new Error(`${JSON.stringify(text)} is no path; write user.name, or a JSON Pointer such as /user/name`);
  return steps.map((step) => (step === "*" ? null : step));
}

export function readAt(document: JsonDocument, path: JsonPath): unknown {
  for (const { parent, key } of places(document, path))
    if (has(parent, key)) return (parent as Record<string, unknown>)[key];
  return undefined;
}

/** @returns whether anything was there to take away */
export function removeAt(document: JsonDocument, path: JsonPath): boolean {
  let removed = false;
  // From the back, so that the places of elements stay right.
  for (const { parent, key } of places(document, path).toReversed()) {
    if (!has(parent, key)) continue;
    if (Array.isArray(parent)) parent.splice(Number(key), 1);
    else delete parent[key];
    removed = true;
  }
  return removed;
}

/**
 * Makes the objects that lack on the way. What does not fit (a member of a number, an element far behind the end) is left alone.
 * @returns whether the document has changed
 */
export function writeAt(document: JsonDocument, path: JsonPath, value: unknown, onlyMissing: boolean): boolean {
  let changed = false;
  for (const { parent, key } of places(document, path, true)) {
    if (onlyMissing && has(parent, key)) continue;
    if (Array.isArray(parent)) {
      const at = key === "-" ? parent.length : INDEX.test(key) ? Number(key) : Infinity;
      if (at > parent.length) continue;
      parent[at] = value;
    } else parent[key] = value;
    changed = true;
  }
  return changed;
}

/** @returns whether anything of that name was there */
export function renameAt(document: JsonDocument, path: JsonPath, to: string): boolean {
  let renamed = false;
  for (const { parent, key } of places(document, path)) {
    if (Array.isArray(parent) || !has(parent, key) || key === to) continue;
    parent[to] = parent[key];
    delete parent[key];
    renamed = true;
  }
  return renamed;
}

const INDEX = /^(?:0|[1-9]\d{0,8})$/;

function has(parent: Container, key: string): boolean {
  return Array.isArray(parent) ? INDEX.test(key) && Number(key) < parent.length : Object.hasOwn(parent, key);
}

interface Place {
  readonly parent: Container;
  readonly key: string;
}

function places(document: JsonDocument, { steps }: JsonPath, create = false): Place[] {
  let parents: unknown[] = [document.value];
  for (const [i, step] of steps.slice(0, -1).entries()) {
    const next = steps[i + 1];
    parents = parents.flatMap((parent) =>
      isContainer(parent) ? childrenOf(parent, step, create && next !== null) : [],
    );
  }
  const last = steps.at(-1)!;
  return parents
    .filter(isContainer)
    .flatMap((parent) => (last === null ? Object.keys(parent) : [last]).map((key) => ({ parent, key })));
}

function childrenOf(parent: Container, step: Step, create: boolean): unknown[] {
  if (step === null) return Object.values(parent);
  if (has(parent, step)) return [(parent as Record<string, unknown>)[step]];
  if (!create || Array.isArray(parent)) return [];
  const made = {};
  parent[step] = made;
  return [made];
}
