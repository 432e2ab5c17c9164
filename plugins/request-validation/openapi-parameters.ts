import type { SchemaCompiler } from "./json-schema.ts";
import { isNode, type Node, type OpenApiDocument } from "./openapi-document.ts";
import type { SchemaBundle } from "./openapi-schema.ts";
import type { FieldRule, FieldSource } from "./operation.ts";

type Place = "query" | "header" | "path" | "cookie";
type ReadValue = (from: FieldSource) => unknown;

const PLACES: readonly Place[] = ["query", "header", "path", "cookie"];
/** OpenAPI 3.1 §4.8.12.1: descriptions of these headers are ignored. */
const IGNORED_HEADERS = new Set(["accept", "content-type", "authorization"]);
const DELIMITERS: Readonly<Record<string, string>> = { spaceDelimited: " ", pipeDelimited: "|" };

export interface Parts {
  readonly document: OpenApiDocument;
  readonly bundle: SchemaBundle;
}

/** A place's parameters: one object schema, and how each value is read. Compiled by `compile` once the bundle is whole. */
export interface ParameterPlan {
  readonly place: Place;
  readonly schema: unknown;
  readonly reads: ReadonlyArray<readonly [name: string, read: ReadValue]>;
}

/** The parameters of an operation, those of its path included. */
export function planParameters(
  own: unknown,
  ofPath: unknown,
  where: string,
  { document, bundle }: Parts,
): ParameterPlan[] {
  const found = new Map<string, Node>();
  for (const list of [ofPath, own]) {
    if (!Array.isArray(list)) continue;
    for (const item of list) {
      const parameter = document.resolve(item, `${where} parameters`);
      found.set(`${parameter["in"]} ${parameter["name"]}`, parameter);
    }
  }
  return PLACES.flatMap((place) => {
    const parameters = [...found.values()].filter((parameter) => parameter["in"] === place && !isIgnored(parameter));
    if (parameters.length === 0) return [];
    const named = parameters.map((parameter) => [nameOf(parameter, place, where), parameter] as const);
    const properties = named.map(([name, parameter]) => [
      name,
      bundle.convert(schemaOf(parameter), `${where} ${name}`),
    ]);
    const required = named.filter(([, parameter]) => parameter["required"] === true).map(([name]) => name);
    const reads = named.map(
      ([name, parameter]) => [name, readerOf(name, place, withSchema(parameter, document))] as const,
    );
    return [{ place, schema: { type: "object", properties: Object.fromEntries(properties), required }, reads }];
  });
}

export function compileParameters(plan: ParameterPlan, compiler: SchemaCompiler, where: string): FieldRule {
  return {
    validate: compiler.compile(plan.schema, plan.place, `${where} ${plan.place} parameters`),
    read(from) {
      const values: Record<string, unknown> = Object.create(null);
      for (const [name, read] of plan.reads) {
        const value = read(from);
        if (value !== undefined && value !== null) values[name] = value;
      }
      return values;
    },
  };
}

function nameOf(parameter: Node, place: Place, where: string): string {
  const { name } = parameter;
  if (typeof name !== "string" || name === "") throw new Error(`openapi: ${where} has a parameter without a name`);
  return place === "header" ? name.toLowerCase() : name;
}

function isIgnored({ in: place, name }: Node): boolean {
  return place === "header" && IGNORED_HEADERS.has(String(name).toLowerCase());
}

function contentOf(parameter: Node): unknown {
  const { content } = parameter;
  return isNode(content) ? Object.values(content)[0] : undefined;
}

function schemaOf(parameter: Node): unknown {
  const media = contentOf(parameter);
  return (isNode(media) ? media["schema"] : parameter["schema"]) ?? true;
}

interface Described {
  readonly type: unknown;
  readonly style: unknown;
  readonly explode: unknown;
  readonly isJson: boolean;
}

function withSchema(parameter: Node, document: OpenApiDocument): Described {
  const schema = schemaOf(parameter);
  const resolved = isNode(schema) ? document.resolve(schema, "a parameter's schema") : {};
  const { style, explode } = parameter;
  return { type: resolved["type"], style, explode, isJson: contentOf(parameter) !== undefined };
}

function readerOf(name: string, place: Place, { type, style, explode, isJson }: Described): ReadValue {
  const isList = type === "array" || (Array.isArray(type) && type.includes("array"));
  if (place === "query" && !isJson) {
    if (type === "object" && style === "deepObject") return ({ query }) => deepObject(query, name);
    if (isList && explode !== false) return ({ query }) => (query.has(name) ? query.getAll(name) : undefined);
  }
  const delimiter = place === "query" ? (DELIMITERS[String(style)] ?? ",") : ",";
  const read = rawReader(name, place);
  return (from) => {
    const text = read(from);
    if (typeof text !== "string") return text;
    if (isJson) return parsedOr(text);
    return isList ? text.split(delimiter).map((item) => item.trim()) : text;
  };
}

/** One value; a scalar that comes twice is a list, which its schema then refuses. */
function rawReader(name: string, place: Place): (from: FieldSource) => string | string[] | null | undefined {
  if (place === "header") return ({ headers }) => headers.get(name);
  if (place === "cookie") return ({ cookies }) => cookies.get(name);
  if (place === "path") return ({ params }) => (Object.hasOwn(params, name) ? params[name] : undefined);
  return ({ query }) => {
    const values = query.getAll(name);
    return values.length > 1 ? values : values[0];
  };
}

/** What is not JSON stays text, which its schema then refuses. */
function parsedOr(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** `filter[a]=1&filter[b]=2` */
function deepObject(query: URLSearchParams, name: string): Record<string, string> | undefined {
  const found: Record<string, string> = Object.create(null);
  for (const [key, value] of query)
    if (key.startsWith(`${name}[`) && key.endsWith("]")) found[key.slice(name.length + 1, -1)] = value;
  return Object.keys(found).length > 0 ? found : undefined;
}
