import { KindGuard } from "@sinclair/typebox";
import { ConfigSchema } from "./schema.ts";
import { ItemOf, ReadScalar, type AnnotatedSchema } from "./schema-kit.ts";

type Json = Record<string, unknown>;

/** Any scalar may come from outside. */
const REFERENCE = { type: "string", pattern: String.raw`\$\{[^}]+\}` };

/** The configuration's JSON Schema (draft 7, which editors' YAML support speaks). */
export function configJsonSchema(): Json {
  const { properties, required } = convert(ConfigSchema) as Json;
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
