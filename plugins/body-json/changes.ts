import { type Static, t } from "sluice";
import { compileTemplate, type TemplateSource } from "../headers/template.ts";
import { checkKey, compilePath, readAt, removeAt, renameAt, writeAt } from "./json-path.ts";
import type { JsonDocument } from "./json-text.ts";

/** What may be done to a document, in this order. */
export const changeFields = {
  remove: t.Optional(t.Array(t.String(), { description: "Fields to take away." })),
  rename: t.Optional(t.Record(t.String(), t.String(), { description: "Field: its new name, in the same place." })),
  move: t.Optional(
    t.Array(
      t.Object(
        { from: t.String(), to: t.String() },
        { additionalProperties: false, description: "A field's old and new place." },
      ),
    ),
  ),
  default: t.Optional(t.Record(t.String(), t.Unknown(), { description: "Set where the field is missing." })),
  set: t.Optional(
    t.Record(t.String(), t.Unknown(), { description: "Field: any JSON; placeholders in texts are filled in." }),
  ),
};
const Changes = t.Object(changeFields);
export type ChangesConfig = Static<typeof Changes>;

/** @returns whether the document has changed */
export type Change = (document: JsonDocument, source: TemplateSource) => boolean;

/** @throws Error for what could never work */
export function compileChanges(config: ChangesConfig): Change[] {
  const changes: Change[] = [];
  for (const text of config.remove ?? []) {
    const path = compilePath(text);
    changes.push((document) => removeAt(document, path));
  }
  for (const [text, to] of Object.entries(config.rename ?? {})) {
    const path = compilePath(text);
    checkKey(to);
    changes.push((document) => renameAt(document, path, to));
  }
  for (const { from, to } of config.move ?? []) changes.push(moving(from, to));
  for (const [text, value] of Object.entries(config.default ?? {})) changes.push(setting(text, value, true));
  for (const [text, value] of Object.entries(config.set ?? {})) changes.push(setting(text, value, false));
  return changes;
}

function moving(from: string, to: string): Change {
  const [source, target] = [compilePath(from), compilePath(to)];
  if ([...source.steps, ...target.steps].includes(null))
    throw new Error(`move: ${from} to ${to} must name one field each; "*" cannot be used here`);
  const inside =
    source.steps.length <= target.steps.length && source.steps.every((step, i) => step === target.steps[i]);
  if (inside) throw new Error(`move: ${to} is inside ${from}; a field cannot be moved into itself`);
  return (document) => {
    const value = readAt(document, source);
    if (value === undefined) return false;
    removeAt(document, source);
    if (!writeAt(document, target, value, false)) writeAt(document, source, value, false);
    return true;
  };
}

type Fill = (source: TemplateSource) => unknown;

function setting(text: string, value: unknown, onlyMissing: boolean): Change {
  const path = compilePath(text);
  const fill = compileValue(value);
  return (document, source) => {
    const filled = fill(source);
    if (filled !== undefined) return writeAt(document, path, filled, onlyMissing);
    // Nothing vouches for the value, so it must not be the one that was sent.
    return onlyMissing ? false : removeAt(document, path);
  };
}

/** A value with placeholders; undefined where they had nothing to say. Each call makes new objects. */
function compileValue(value: unknown): Fill {
  if (typeof value === "string") {
    const template = compileTemplate(value);
    return (source) => template.value(source) ?? undefined;
  }
  if (Array.isArray(value)) {
    const fills = value.map(compileValue);
    return (source) => fills.map((fill) => fill(source) ?? null);
  }
  if (typeof value !== "object" || value === null) return () => value;
  const fields = Object.entries(value).map(([key, inner]) => [checkKey(key), compileValue(inner)] as const);
  return (source) => Object.fromEntries(fields.map(([key, fill]) => [key, fill(source)]));
}
