import { type SchemaOptions, Type } from "@sinclair/typebox";

/** How a field that TypeBox knows as a number or a string is written in YAML; kept in the schema as `x-sluice`. */
export type FieldKind = "upstream" | "duration" | "bytes" | "secret";

const kind = (of: FieldKind, options: SchemaOptions): SchemaOptions => ({ ...options, "x-sluice": of });

const fields = {
  /** The name of an upstream; one that does not exist is refused when the configuration is loaded. */
  Upstream: (options: SchemaOptions = {}) => Type.String(kind("upstream", options)),
  /** Milliseconds; written as a number or as `5s`, `2m`. */
  Duration: (options: SchemaOptions = {}) => Type.Number(kind("duration", { minimum: 0, ...options })),
  /** Written as a number or as `10mb`. */
  Bytes: (options: SchemaOptions = {}) => Type.Number(kind("bytes", { minimum: 0, ...options })),
  /** A string that is never shown. */
  Secret: (options: SchemaOptions = {}) => Type.String(kind("secret", options)),
};

/** TypeBox, and the fields that Sluice adds to it. */
export const t: typeof Type & typeof fields = Object.assign({ ...Type } as typeof Type, fields);
