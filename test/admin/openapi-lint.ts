import type { ValidateFunction } from "ajv";
import Ajv2020 from "ajv/dist/2020";
import addFormats from "ajv-formats";

type Json = Record<string, unknown>;

const OPERATION_KEYS = [
  "operationId",
  "summary",
  "description",
  "tags",
  "parameters",
  "requestBody",
  "responses",
  "security",
];
const METHODS = ["get", "put", "post", "delete", "patch", "head", "options"];
const WITHOUT_BODY = ["get", "delete", "head"];
const DOCUMENT_KEYS = ["openapi", "info", "servers", "security", "tags", "components", "paths"];

/** What is wrong with an OpenAPI 3.1 document, as strictly as public linters are; empty: nothing. */
export function lintOpenApi(document: Json): string[] {
  const linter = new Linter(document);
  linter.lint();
  return linter.problems;
}

/** Compiles schemas of the document; its references lead to the components. */
export class Schemas {
  readonly #ajv = new Ajv2020({
    strict: true,
    strictTypes: false,
    strictRequired: false,
    allErrors: true,
    logger: false,
  });

  constructor(document: Json) {
    addFormats(this.#ajv);
    const { schemas } = document.components as Json;
    this.#ajv.addSchema(within({ $id: "openapi", $defs: schemas }), "openapi", undefined, false);
  }

  compile(schema: unknown): ValidateFunction {
    return this.#ajv.compile(within(schema));
  }
}

function within(schema: unknown): Json {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components/schemas/', '"openapi#/$defs/')) as Json;
}

class Linter {
  readonly problems: string[] = [];
  readonly #document: Json;
  readonly #schemas: Schemas;
  readonly #ids = new Set<string>();
  readonly #used = new Set<string>();

  constructor(document: Json) {
    this.#document = document;
    this.#schemas = new Schemas(document);
  }

  lint(): void {
    const { openapi, info, paths = {}, tags = [], components = {} } = this.#document;
    this.#known("document", this.#document, DOCUMENT_KEYS);
    this.#must(/^3\.1\.\d+$/.test(String(openapi)), "openapi", "is 3.1.x");
    const { title, version, description, license } = (info ?? {}) as Record<string, Json & string>;
    for (const [name, value] of Object.entries({ title, version, description }))
      this.#must(typeof value === "string" && value !== "", `info.${name}`, "is text");
    this.#must(
      license?.identifier === undefined || license.url === undefined,
      "info.license",
      "has one of identifier, url",
    );
    const names = (tags as Json[]).map(({ name }) => name);
    this.#must(new Set(names).size === names.length, "tags", "are told once");
    const schemas = Object.entries(((components as Json).schemas ?? {}) as Json);
    for (const [name, schema] of schemas) this.#schema(`components.${name}`, schema);
    this.#must(Object.keys(paths as Json).length > 0, "paths", "are there");
    for (const [path, item] of Object.entries(paths as Json)) this.#path(path, item as Json);
    for (const [name] of schemas) this.#must(this.#used.has(name), `components.${name}`, "is used");
    for (const tag of names) this.#must(JSON.stringify(paths).includes(`"tags":["${tag}"]`), `tag ${tag}`, "is used");
  }

  #path(path: string, item: Json): void {
    this.#must(/^(\/[A-Za-z0-9._-]+|\/\{\w+\})+$/.test(path), path, "is a path without a slash at its end");
    this.#known(path, item, METHODS);
    for (const [method, operation] of Object.entries(item)) this.#operation(`${method} ${path}`, operation as Json);
  }

  #operation(at: string, operation: Json): void {
    const { operationId, summary, tags, parameters = [], requestBody, responses, security } = operation;
    this.#known(at, operation, OPERATION_KEYS);
    this.#must(/^[a-z][A-Za-z]*$/.test(String(operationId)), at, "has an operationId in camelCase");
    this.#must(!this.#ids.has(String(operationId)), at, `has an operationId of its own, not ${String(operationId)}`);
    this.#ids.add(String(operationId));
    this.#must(typeof summary === "string" && summary.length > 3 && !summary.endsWith("."), at, "has a summary");
    const known = ((this.#document.tags ?? []) as Json[]).map(({ name }) => name);
    this.#must(Array.isArray(tags) && tags.length === 1 && known.includes(tags[0]), at, "has one tag that is told of");
    this.#parameters(at, parameters as Json[]);
    if (requestBody !== undefined) this.#requestBody(at, requestBody as Json);
    this.#responses(at, (responses ?? {}) as Json);
    for (const requirement of ((security ?? this.#document.security ?? []) as Json[]).flatMap((one) =>
      Object.keys(one),
    )) {
      const schemes = ((this.#document.components ?? {}) as Json).securitySchemes ?? {};
      this.#must(Object.hasOwn(schemes, requirement), at, `has a security scheme ${requirement}`);
    }
  }

  #parameters(at: string, parameters: readonly Json[]): void {
    const inPath = [...at.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const told = parameters.filter((one) => one.in === "path").map(({ name }) => name);
    this.#must([...inPath].sort().join() === [...told].sort().join(), at, "tells of the parameters of its path");
    const keys = parameters.map((one) => `${String(one.in)} ${String(one.name)}`);
    this.#must(new Set(keys).size === keys.length, at, "tells of each parameter once");
    for (const parameter of parameters) {
      const where = `${at} ${String(parameter.name)}`;
      this.#known(where, parameter, ["name", "in", "description", "required", "schema"]);
      this.#must(["path", "query", "header"].includes(String(parameter.in)), where, "is in path, query or header");
      this.#must(parameter.in !== "path" || parameter.required === true, where, "is required: it is in the path");
      this.#schema(where, parameter.schema);
    }
  }

  #requestBody(at: string, body: Json): void {
    this.#must(!WITHOUT_BODY.some((method) => at.startsWith(`${method} `)), at, "has no body: its method has none");
    this.#known(`${at} body`, body, ["required", "content", "description"]);
    this.#content(`${at} body`, body.content);
  }

  #responses(at: string, responses: Json): void {
    const codes = Object.keys(responses);
    this.#must(
      codes.some((code) => /^2\d\d$/.test(code)),
      at,
      "says what success is",
    );
    for (const [code, response] of Object.entries(responses)) {
      const where = `${at} ${code}`;
      this.#must(/^[2345]\d\d$/.test(code), where, "is a status");
      this.#known(where, response as Json, ["description", "content", "headers"]);
      const { description, content } = response as Json;
      this.#must(typeof description === "string" && description !== "", where, "has a description");
      if (code === "204") this.#must(content === undefined, where, "has no body");
      else this.#content(where, content);
    }
  }

  #content(at: string, content: unknown): void {
    const types = Object.entries((content ?? {}) as Json);
    this.#must(types.length > 0, at, "has a media type");
    for (const [type, media] of types) {
      this.#must(/^[a-z]+\/[a-z0-9.+-]+$/.test(type), `${at} ${type}`, "is a media type");
      this.#known(`${at} ${type}`, media as Json, ["schema"]);
      this.#schema(`${at} ${type}`, (media as Json).schema);
    }
  }

  #schema(at: string, schema: unknown): void {
    const isSaid = typeof schema === "object" && schema !== null && Object.keys(schema).length > 0;
    this.#must(isSaid, at, "has a schema that says something");
    const text = JSON.stringify(schema ?? null);
    for (const [, name] of text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)) this.#used.add(name!);
    this.#must(!text.includes('"nullable"'), at, 'says null with its type: "nullable" was OpenAPI 3.0');
    try {
      this.#schemas.compile(schema ?? {});
    } catch (error) {
      this.#must(false, at, `has a schema that can be read: ${(error as Error).message}`);
    }
  }

  #known(at: string, value: Json, keys: readonly string[]): void {
    for (const key of Object.keys(value)) this.#must(keys.includes(key), at, `has no key ${key}`);
  }

  #must(holds: boolean, at: string, what: string): void {
    if (!holds) this.problems.push(`${at}: ${what}`);
  }
}
