import type { Config } from "./config.ts";
import { SchemaCompiler } from "./json-schema.ts";
import { isNode, type Node, OpenApiDocument } from "./openapi-document.ts";
import { compileParameters, planParameters } from "./openapi-parameters.ts";
import { type PathTemplate, basePathsOf, pathTemplate } from "./openapi-paths.ts";
import { SchemaBundle } from "./openapi-schema.ts";
import type { BodyRule, Operation } from "./operation.ts";

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"] as const;

/** An operation, with what the path gives to its parameters; else the methods that the path does have, none for an unknown path. */
export type Found =
  | { readonly operation: Operation; readonly params: Readonly<Record<string, string>> }
  | { readonly operation: null; readonly allow: readonly string[] };

interface PathEntry {
  readonly template: PathTemplate;
  readonly operations: ReadonlyMap<string, Operation>;
}

/** Finds the operation of a method and a path. @throws Error that says what is wrong with the document */
export function openApiFinder(source: string | Node, config: Config): (method: string, path: string) => Found {
  const document = OpenApiDocument.read(source);
  const plans: Array<() => void> = [];
  const builder = new OperationBuilder(document, config);
  const bases = basePathsOf(document, config.basePath);
  const entries: PathEntry[] = [];
  for (const [path, item] of Object.entries(document.root["paths"] as Node)) {
    if (!path.startsWith("/")) continue;
    const resolved = document.resolve(item, `paths ${path}`);
    const operations = new Map<string, Operation>();
    for (const method of METHODS) {
      if (resolved[method] === undefined) continue;
      const where = `${method.toUpperCase()} ${path}`;
      const finish = builder.plan(document.resolve(resolved[method], where), resolved["parameters"], where);
      plans.push(() => operations.set(method.toUpperCase(), finish()));
    }
    for (const base of bases) entries.push({ template: pathTemplate(base + path), operations });
  }
  builder.seal();
  for (const finish of plans) finish();
  // "Concrete" paths first, as OpenAPI wants it.
  entries.sort((a, b) => a.template.parameters - b.template.parameters);
  return (method, path) => find(entries, method, path);
}

function find(entries: readonly PathEntry[], method: string, path: string): Found {
  const allow = new Set<string>();
  for (const { template, operations } of entries) {
    const params = template.match(path);
    if (params === null) continue;
    const operation = operations.get(method) ?? (method === "HEAD" ? operations.get("GET") : undefined);
    if (operation !== undefined) return { operation, params };
    for (const name of operations.keys()) allow.add(name);
  }
  return { operation: null, allow: [...allow] };
}

/** Two steps: every schema is converted first, because validators share what they refer to. */
class OperationBuilder {
  readonly #document: OpenApiDocument;
  readonly #config: Config;
  readonly #requests: SchemaBundle;
  readonly #replies: SchemaBundle;
  #fields!: SchemaCompiler;
  #bodies!: SchemaCompiler;
  #replyBodies!: SchemaCompiler;

  constructor(document: OpenApiDocument, config: Config) {
    this.#document = document;
    this.#config = config;
    this.#requests = new SchemaBundle(document, "request");
    this.#replies = new SchemaBundle(document, "response");
  }

  seal(): void {
    const { maxErrors, coerce } = this.#config;
    const way = { draft: "2020-12", maxErrors } as const;
    this.#fields = new SchemaCompiler({ ...way, coerce }, this.#requests.shared);
    this.#bodies = new SchemaCompiler({ ...way, coerce: false }, this.#requests.shared);
    this.#replyBodies = new SchemaCompiler({ ...way, coerce: false }, this.#replies.shared);
  }

  plan(operation: Node, ofPath: unknown, where: string): () => Operation {
    const parts = { document: this.#document, bundle: this.#requests };
    const parameters = planParameters(operation["parameters"], ofPath, where, parts);
    const body = this.#planBody(operation["requestBody"], where);
    const responses = this.#config.responses === "off" ? null : this.#planResponses(operation["responses"], where);
    return () => {
      const replies = responses?.();
      return {
        fields: parameters.map((plan) => compileParameters(plan, this.#fields, where)),
        body: body?.() ?? null,
        responseFor: (status) =>
          replies?.get(String(status)) ??
          replies?.get(`${Math.floor(status / 100)}XX`) ??
          replies?.get("default") ??
          null,
      };
    };
  }

  #planBody(body: unknown, where: string): (() => BodyRule) | null {
    if (body === undefined) return null;
    const resolved = this.#document.resolve(body, `${where} requestBody`);
    const content = this.#planContent(resolved["content"], `${where} body`, this.#requests);
    return () => ({ required: resolved["required"] === true, content: content("body") });
  }

  #planResponses(responses: unknown, where: string): () => Map<string, BodyRule["content"]> {
    const plans = Object.entries(isNode(responses) ? responses : {}).map(([status, response]) => {
      const { content } = this.#document.resolve(response, `${where} responses`);
      return [
        status.toUpperCase().replace("DEFAULT", "default"),
        this.#planContent(content, `${where} ${status}`, this.#replies),
      ] as const;
    });
    return () => new Map(plans.map(([status, content]) => [status, content("reply")]));
  }

  #planContent(content: unknown, where: string, bundle: SchemaBundle): (place: string) => BodyRule["content"] {
    const plans = Object.entries(isNode(content) ? content : {}).map(([type, media]) => {
      const schema = isNode(media) ? media["schema"] : undefined;
      return [type, schema === undefined ? null : bundle.convert(schema, where)] as const;
    });
    // The most exact type first.
    plans.sort(([a], [b]) => a.split("*").length - b.split("*").length);
    return (place) =>
      plans.map(([type, schema]) => {
        if (schema === null || !isReadable(type)) return [type, null] as const;
        const form = type.startsWith("application/x-www-form-urlencoded");
        const compiler = bundle === this.#replies ? this.#replyBodies : form ? this.#fields : this.#bodies;
        return [type, compiler.compile(schema, place, `${where} ${type}`)] as const;
      });
  }
}

/** Types whose values are known here; of others only the type is checked. */
function isReadable(type: string): boolean {
  return /json|^application\/x-www-form-urlencoded|^text\/plain/i.test(type);
}
