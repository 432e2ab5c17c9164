import { Type, type SchemaOptions, type Static, type TSchema, type TUnsafe } from "@sinclair/typebox";
import type { ScalarNode } from "./config-node.ts";

/**
 * What Sluice adds to TypeBox. A schema describes a value twice: as JSON Schema for editors, and by how its text is read (durations
 * become ms, sizes bytes, numeric strings numbers). `Static` is the type after reading. Symbols, because JSON Schema never sees them.
 */
export const ReadScalar = Symbol("ReadScalar");
export const ItemOf = Symbol("ItemOf");
export const Expected = Symbol("Expected");

export type ScalarReading = { value: unknown } | { problem: string; hint?: string };
export type ReadScalarFn = (node: ScalarNode) => ScalarReading | null;

/** What a field's options say beside its description. */
export interface FieldOptions extends SchemaOptions {
  description: string;
  /** For the docs: what holds when the field is left out. */
  default?: unknown;
  /** The feature comes in a later version: the value is validated, kept, and warned about. */
  later?: true;
  /** Never shown: replaced when the effective configuration is printed. */
  secret?: true;
  /** An empty value would quietly mean "no protection": it is an error, not an absence. */
  refusesNull?: true;
}

export interface ScalarKind<T> {
  /** `a duration such as 5s or 500 (ms)`: for messages and docs. */
  readonly expected: string;
  /** As JSON Schema, for editors. */
  readonly json: Record<string, unknown>;
  /** null: not such a value at all, and `expected` says what would be. */
  readonly read: (node: ScalarNode) => { value: T } | { problem: string; hint?: string } | null;
}

export function scalar<T>(kind: ScalarKind<T>, options: Partial<FieldOptions> = {}): TUnsafe<T> {
  return Type.Unsafe<T>({ ...kind.json, ...options, [ReadScalar]: kind.read, [Expected]: kind.expected });
}

/** Makes a field of a scalar kind: `duration({ description })`. */
export function scalarField<T>(kind: ScalarKind<T>): (options: FieldOptions) => TUnsafe<T> {
  return (options) => scalar(kind, options);
}

/** One value or a list of them; a list after reading. */
export function oneOrMany<S extends TSchema>(item: S, options: FieldOptions): TUnsafe<Array<Static<S>>> {
  return Type.Unsafe<Array<Static<S>>>({ anyOf: [item, { type: "array", items: item }], ...options, [ItemOf]: item });
}

/** A map with known keys and no others. */
export function record<P extends Record<string, TSchema>>(properties: P, options: Partial<FieldOptions> = {}) {
  return Type.Object(properties, { additionalProperties: false, ...options });
}

/** A map with free keys. */
export function mapOf<S extends TSchema>(value: S, options: FieldOptions) {
  return Type.Record(Type.String(), value, options);
}

/** Whatever a later version or a plugin makes of it. */
export function anything(options: FieldOptions) {
  return Type.Unknown(options);
}

export const optional = Type.Optional;

/** What every schema may carry, in one shape that needs no casts elsewhere. */
export interface AnnotatedSchema extends TSchema {
  later?: true;
  secret?: true;
  refusesNull?: true;
  [ReadScalar]?: ReadScalarFn;
  [ItemOf]?: AnnotatedSchema;
  [Expected]?: string;
}
