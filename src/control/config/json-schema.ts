import { KindGuard } from "@sinclair/typebox";
import { ConfigSchema } from "./schema.ts";
import { ItemOf, ReadScalar, type AnnotatedSchema } from "./schema-kit.ts";

type Json = Record<string, unknown>;

/** Any scalar may come from outside. */
const REFERENCE = { type: "string", pattern: String.raw`\$\{[^}]+\}` };

/** What plugins say of their configuration, by the name a `use` gives. */
export type PluginSchemas = ReadonlyMap<string, object>;

/** The configuration's JSON Schema (draft 7, which editors' YAML support speaks); with what `plugins` say of their `with`. */
export function configJsonSchema(plugins: PluginSchemas = new Map()): Json {
  const { properties, required } = convert(ConfigSchema) as Json;
  for (const use of usesIn(properties)) {
    use.allOf = [...plugins].map(([name, schema]) => ({
      if: { properties: { use: { const: name } }, required: ["use"] },
      // oxlint-disable-next-line unicorn/no-thenable -- JSON Schema's own word
      then: { properties: { with: relaxed(schema) } },
    }));
    if (plugins.size === 0) delete use.allOf;
  }
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    $id: "https://sluice.dev/schema/sluice.json",
    title: "Sluice configuration",
    type: "object",
    properties,
    ...(required === undefined ? {} : { required }),
    patternProperties: { "^x-": { description: "Free, for anchors." } },
    additionalProperties: false,
  };
}

/** Every place where a plugin is used with a configuration. */
function usesIn(node: unknown): Json[] {
  if (typeof node !== "object" || node === null) return [];
  const found = Object.values(node).flatMap(usesIn);
  const { properties } = node as { properties?: Json };
  const isUse = properties !== undefined && "use" in properties && "with" in properties && "onSetupError" in properties;
  return isUse ? [...found, node as Json] : found;
}

/** As it may be written: durations and sizes with units, and `${…}` where a number is wanted. */
function relaxed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(relaxed);
  if (typeof schema !== "object" || schema === null) return schema;
  const { "x-sluice": kind, ...own } = schema as Json;
  const inner = Object.fromEntries(Object.entries(own).map(([key, value]) => [key, relaxed(value)]));
  if (kind === "upstream" || kind === "secret") return inner;
  if (own.type !== "number" && own.type !== "integer" && own.type !== "boolean") return inner;
  const { description, default: fallback, ...shape } = inner;
  const units = kind === undefined ? REFERENCE : { type: "string" };
  const said = {
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
  };
  return { anyOf: [shape, units], ...said };
}

/** Of a part of the configuration. */
export function jsonSchemaOf(schema: AnnotatedSchema): Json {
  return convert(schema);
}

function convert(schema: AnnotatedSchema): Json {
  return { ...shapeOf(schema), ...annotationsOf(schema) };
}

function shapeOf(schema: AnnotatedSchema): Json {
  if (KindGuard.IsObject(schema)) return objectShape(schema);
  if (KindGuard.IsArray(schema)) return { type: "array", items: convert(schema.items) };
  if (KindGuard.IsRecord(schema))
    return { type: "object", additionalProperties: convert(Object.values(schema.patternProperties)[0]!) };
  if (KindGuard.IsUnion(schema)) return { anyOf: schema.anyOf.map((branch) => convert(branch as AnnotatedSchema)) };
  const item = schema[ItemOf];
  if (item !== undefined) return { anyOf: [convert(item), { type: "array", items: convert(item) }] };
  return schema[ReadScalar] === undefined ? {} : scalarShape(schema);
}

function objectShape(schema: AnnotatedSchema): Json {
  const properties = Object.entries(schema.properties as Record<string, AnnotatedSchema>).map(([key, inner]) => [
    key,
    convert(inner),
  ]);
  const required = schema.required as string[] | undefined;
  return {
    type: "object",
    properties: Object.fromEntries(properties),
    ...(required === undefined || required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}

/** What a plain value may be, or a numeric string where a number is wanted, or a `${…}`. */
function scalarShape(schema: AnnotatedSchema): Json {
  const own = Object.fromEntries(Object.entries(schema).filter(([key]) => !ANNOTATIONS.has(key)));
  if (own.type === "string" && own.pattern === undefined) return own;
  const alternatives = own.anyOf === undefined ? [own] : (own.anyOf as Json[]);
  const numeric = alternatives.some(({ type }) => type === "integer" || type === "number");
  const asText = numeric ? [{ type: "string", pattern: String.raw`^\d+(\.\d+)?$` }] : [];
  return { anyOf: [...alternatives, ...asText, REFERENCE] };
}

const ANNOTATIONS = new Set(["description", "default", "later", "secret", "refusesNull"]);

function annotationsOf(schema: AnnotatedSchema): Json {
  const { description, later } = schema;
  const fallback: unknown = schema.default;
  const said = later ? `${description} (Not active yet: takes effect in a later version.)` : description;
  return {
    ...(said === undefined ? {} : { description: said }),
    ...(fallback === undefined ? {} : { default: fallback }),
  };
}
