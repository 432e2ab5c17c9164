import type { TSchema } from "@sinclair/typebox";
import { didYouMean } from "./edit-distance.ts";
import type { FieldKind } from "./schema.ts";
import { parseDuration, parseSize } from "./units.ts";

/** null: not such a value at all. */
export type Reading = { value: unknown } | { problem: string; hint?: string | undefined } | null;

/** What a plugin's configuration may name. */
export interface KnownNames {
  readonly upstreams?: readonly string[];
}

export function kindOf(schema: TSchema): FieldKind | undefined {
  return schema["x-sluice"] as FieldKind | undefined;
}

/** Reads a value that is neither a map nor a list: units become numbers, and texts that came from the environment what they mean. */
export function readScalar(schema: TSchema, value: unknown, known: KnownNames): Reading {
  const kind = kindOf(schema);
  if (kind === "duration") return quantity(value, parseDuration);
  if (kind === "bytes") return quantity(value, parseSize);
  if (kind === "upstream") return upstream(value, known);
  if (schema.const !== undefined) return oneOf([schema.const], value);
  if (Array.isArray(schema.enum)) return oneOf(schema.enum, value);
  if (schema.type === "number" || schema.type === "integer") return number(value);
  if (schema.type === "boolean") return boolean(value);
  if (schema.type === "string") return text(value);
  if (schema.type === "null") return value === null ? { value } : null;
  return { value };
}

function quantity(value: unknown, parse: (text: string) => number | null): Reading {
  if (typeof value !== "string" && typeof value !== "number") return null;
  const parsed = parse(String(value));
  return parsed === null ? null : { value: parsed };
}

function number(value: unknown): Reading {
  if (typeof value === "number") return { value };
  const isNumeric = typeof value === "string" && /^\s*-?\d+(\.\d+)?\s*$/.test(value);
  return isNumeric ? { value: Number(value) } : null;
}

function boolean(value: unknown): Reading {
  if (typeof value === "boolean") return { value };
  return value === "true" || value === "false" ? { value: value === "true" } : null;
}

function text(value: unknown): Reading {
  if (typeof value === "string") return { value };
  if (typeof value !== "number" && typeof value !== "boolean") return null;
  // YAML would have dropped its zeros.
  return { problem: `expected text, got ${value}`, hint: "put it in quotes" };
}

function upstream(value: unknown, { upstreams }: KnownNames): Reading {
  if (typeof value !== "string") return null;
  if (upstreams === undefined || upstreams.includes(value)) return { value };
  return { problem: `there is no upstream ${JSON.stringify(value)}`, hint: didYouMean(value, upstreams) };
}

function oneOf(values: readonly unknown[], value: unknown): Reading {
  const meant = values.find((candidate) => candidate === value) ?? values.find((one) => String(one) === String(value));
  if (meant !== undefined) return { value: meant };
  if (values.length === 1) return null;
  return {
    problem: `expected one of ${values.join(", ")}, got ${describeValue(value)}`,
    hint: typeof value === "string" ? didYouMean(value, values.map(String)) : undefined,
  };
}

/** What a schema wants, in words. */
export function expectedOf(schema: TSchema): string {
  const kind = kindOf(schema);
  if (kind === "duration") return "a duration such as 5s or 500 (ms)";
  if (kind === "bytes") return "a size such as 10mb or 65536 (bytes)";
  if (kind === "upstream") return "the name of an upstream";
  if (schema.const !== undefined) return String(schema.const);
  if (Array.isArray(schema.enum)) return `one of ${schema.enum.join(", ")}`;
  if (Array.isArray(schema.anyOf)) return alternatives(schema.anyOf as TSchema[]);
  return NAMES_OF_TYPES[String(schema.type)] ?? "something else";
}

const NAMES_OF_TYPES: Readonly<Record<string, string>> = {
  string: "text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  object: "a map",
  array: "a list",
  null: "nothing",
};

function alternatives(branches: readonly TSchema[]): string {
  const words = branches.map(expectedOf);
  const areWords = branches.every((branch) => branch.const !== undefined);
  return areWords && words.length > 1 ? `one of ${words.join(", ")}` : [...new Set(words)].join(", or ");
}

/** For messages. */
export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  const shown = typeof value === "string" ? JSON.stringify(value) : String(value);
  return shown.length > 80 ? `${shown.slice(0, 77)}…` : shown;
}
