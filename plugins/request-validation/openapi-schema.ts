import { isNode, type Node, type OpenApiDocument } from "./openapi-document.ts";

const ONE_SCHEMA = new Set([
  "items",
  "additionalProperties",
  "not",
  "if",
  "then",
  "else",
  "contains",
  "propertyNames",
  "unevaluatedItems",
  "unevaluatedProperties",
]);
const SCHEMA_LIST = new Set(["allOf", "anyOf", "oneOf", "prefixItems"]);
const SCHEMA_MAP = new Set(["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"]);
/** They say nothing about a value; `$id` would move the place that references count from. */
const LEFT_OUT = new Set(["$id", "$schema", "example", "examples", "xml", "externalDocs", "discriminator", "nullable"]);
/** Lower and upper, which in 3.0 are made exclusive by a flag beside them. */
const EXCLUSIVE = { exclusiveMinimum: "minimum", exclusiveMaximum: "maximum" } as const;

export const BUNDLE_ID = "sluice:openapi";

/** Schemas of a document as JSON Schema 2020-12, each once, so that those which hold themselves do not go on for ever. */
export class SchemaBundle {
  readonly #document: OpenApiDocument;
  /** Whoever sends the value must not send these: what is `readOnly` in a request, `writeOnly` in a reply. */
  readonly #notSent: "readOnly" | "writeOnly";
  readonly #names = new Map<string, string>();
  readonly #definitions: Record<string, unknown> = {};

  constructor(document: OpenApiDocument, direction: "request" | "response") {
    this.#document = document;
    this.#notSent = direction === "request" ? "readOnly" : "writeOnly";
  }

  /** The definitions that converted schemas refer to. */
  get shared(): Record<string, unknown> {
    return { $id: BUNDLE_ID, $defs: this.#definitions };
  }

  convert(schema: unknown, where: string): unknown {
    if (typeof schema === "boolean") return schema;
    if (!isNode(schema)) throw new Error(`openapi: ${where}: a schema must be an object`);
    const { is30 } = this.#document;
    const ref = schema["$ref"];
    // In 3.0 what stands beside a reference does not count.
    if (typeof ref === "string" && is30) return { $ref: this.#reference(ref, where) };
    const found: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(schema)) {
      if (LEFT_OUT.has(key)) continue;
      found[key] = this.#keyword(key, value, `${where}/${key}`);
    }
    this.#forgetNotSent(schema, found);
    return is30 ? from30(schema, found) : found;
  }

  #keyword(key: string, value: unknown, where: string): unknown {
    if (key === "$ref" && typeof value === "string") return this.#reference(value, where);
    if (ONE_SCHEMA.has(key)) return this.convert(value, where);
    if (SCHEMA_LIST.has(key) && Array.isArray(value)) return value.map((item) => this.convert(item, where));
    if (!SCHEMA_MAP.has(key) || !isNode(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, this.convert(item, `${where}/${name}`)]),
    );
  }

  #reference(ref: string, where: string): string {
    let name = this.#names.get(ref);
    if (name === undefined) {
      name = `s${this.#names.size}`;
      // Known before it is converted: it may refer to itself.
      this.#names.set(ref, name);
      this.#definitions[name] = this.convert(this.#document.at(ref, where), ref);
    }
    return `${BUNDLE_ID}#/$defs/${name}`;
  }

  #forgetNotSent(schema: Node, found: Record<string, unknown>): void {
    const { required, properties } = schema;
    if (!Array.isArray(required) || !isNode(properties)) return;
    const hidden = (name: unknown) => {
      const property = typeof name === "string" && Object.hasOwn(properties, name) ? properties[name] : undefined;
      return isNode(property) && this.#document.resolve(property, "a property")[this.#notSent] === true;
    };
    found["required"] = required.filter((name) => !hidden(name));
  }
}

function from30(schema: Node, found: Record<string, unknown>): unknown {
  for (const [exclusive, bound] of Object.entries(EXCLUSIVE)) {
    if (typeof schema[exclusive] !== "boolean") continue;
    delete found[exclusive];
    if (schema[exclusive] !== true || found[bound] === undefined) continue;
    found[exclusive] = found[bound];
    delete found[bound];
  }
  return schema["nullable"] === true && schema["type"] !== undefined ? { anyOf: [{ type: "null" }, found] } : found;
}
