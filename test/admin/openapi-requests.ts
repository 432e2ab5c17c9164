import fc from "fast-check";

type Json = Record<string, unknown>;

/** One request that an operation's description asks for, or that comes close to one. */
export interface FuzzRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

export interface FuzzOperation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly described: Json;
}

/** Which names there are: some are, most are not, a few are none. */
export interface Words {
  readonly ids: readonly string[];
  readonly texts: readonly string[];
  /** Bodies that are right, by the path that they are for or the beginning of it. */
  readonly bodies: Readonly<Record<string, readonly string[]>>;
}

/** Keys that would send something into the world. */
const UNSPOKEN = new Set(["dns"]);

export function operationsOf(document: Json): FuzzOperation[] {
  return Object.entries(document.paths as Json).flatMap(([path, item]) =>
    Object.entries(item as Json).map(([method, described]) => ({
      id: String((described as Json).operationId),
      method: method.toUpperCase(),
      path,
      described: described as Json,
    })),
  );
}

/** Requests of an operation, from its parameters and the schema of its body. */
export function requestsOf({ method, path, described }: FuzzOperation, words: Words): fc.Arbitrary<FuzzRequest> {
  const parameters = (described.parameters ?? []) as Json[];
  const of = (place: string) => parameters.filter((one) => one.in === place).map(({ name }) => String(name));
  const ids = Object.fromEntries(of("path").map((name) => [name, idText(words)]));
  const query = Object.fromEntries(of("query").map((name) => [name, queryText(words)]));
  const headers = Object.fromEntries(
    of("header").map((name) => [name, fc.constantFrom('"1"', '"2"', "*", 'W/"1"', "x")]),
  );
  return fc
    .record({
      ids: fc.record(ids),
      query: fc.record(query, { requiredKeys: [] }),
      headers: fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: fc.record(headers) }),
      body: method === "GET" ? fc.constant(undefined) : bodyOf(described, words, rightFor(path, words)),
    })
    .map((parts) => {
      const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => String((parts.ids as Json)[name]));
      const asked = Object.entries(parts.query).map(([name, value]) => `${name}=${String(value)}`);
      const target = asked.length === 0 ? filled : `${filled}?${asked.join("&")}`;
      return { method, target, headers: parts.headers as Record<string, string>, body: parts.body };
    });
}

function idText({ ids }: Words): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...ids) },
    {
      weight: 2,
      arbitrary: fc
        .string({ minLength: 1, maxLength: 40, unit: "binary" })
        .filter(isWellFormed)
        .map(encodeURIComponent),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom("%zz", "%00", "..%2f..", "%c3%28", "a".repeat(3000), "__proto__", "*", "%2e%2e"),
    },
  );
}

function queryText({ ids, texts }: Words): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom("1", "0", "true", "", "-1", "999999999999", "%zz", "%00") },
    { weight: 1, arbitrary: fc.constantFrom(...ids) },
    { weight: 1, arbitrary: fc.constantFrom(...texts).map(encodeURIComponent) },
    { weight: 1, arbitrary: fc.string({ maxLength: 40, unit: "binary" }).filter(isWellFormed).map(encodeURIComponent) },
  );
}

function rightFor(path: string, { bodies }: Words): readonly string[] {
  return Object.entries(bodies).find(([start]) => path.startsWith(start))?.[1] ?? ["{}"];
}

function bodyOf(described: Json, words: Words, right: readonly string[]): fc.Arbitrary<string | undefined> {
  const content = ((described.requestBody as Json | undefined)?.content ?? null) as Record<string, Json> | null;
  if (content === null) return fc.constantFrom(undefined, undefined, "{}");
  const schema = Object.values(content)[0]!.schema as Json;
  const asked = valueOf(schema, words, 0).map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
  return fc.oneof(
    { weight: 6, arbitrary: asked },
    { weight: 8, arbitrary: fc.constantFrom(...right) },
    { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: fc.string({ maxLength: 60, unit: "binary" }) },
    { weight: 1, arbitrary: fc.constantFrom(undefined, "", "{", "[]", "null", '{"__proto__":{"path":"/x"}}') },
  );
}

/** Something that a schema describes; now and then something else. */
function valueOf(schema: Json, words: Words, depth: number): fc.Arbitrary<unknown> {
  const fitting = fittingValue(schema, words, depth);
  return fc.oneof({ weight: 14, arbitrary: fitting }, { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 1 }) });
}

function fittingValue(schema: Json, words: Words, depth: number): fc.Arbitrary<unknown> {
  const { type, anyOf, properties, items } = schema;
  if ("const" in schema) return fc.constant(schema.const);
  if (Array.isArray(schema.enum)) return fc.constantFrom(...(schema.enum as unknown[]));
  if (Array.isArray(anyOf)) return fc.oneof(...(anyOf as Json[]).map((one) => valueOf(one, words, depth + 1)));
  const kind = Array.isArray(type) ? type[0] : type;
  if (kind === "boolean") return fc.boolean();
  if (kind === "integer" || kind === "number")
    return fc.oneof(fc.constantFrom(0, 1, 2, 1000), fc.integer(), fc.double());
  if (kind === "array" && depth < 6)
    return fc.array(valueOf((items ?? {}) as Json, words, depth + 1), { maxLength: 3 });
  if (kind === "object" && depth < 6) return objectOf((properties ?? {}) as Json, schema, words, depth);
  if (kind === "string") return fc.constantFrom(...words.texts, ...words.ids.filter((id) => !id.includes("%")));
  return fc.jsonValue({ maxDepth: 2 });
}

function objectOf(properties: Json, schema: Json, words: Words, depth: number): fc.Arbitrary<unknown> {
  const known = Object.entries(properties).filter(([key]) => !UNSPOKEN.has(key));
  // Few at a time: with all of them there would be a mistake in every one.
  const some = fc.subarray(known, { maxLength: Math.min(4, known.length) });
  const required = known.filter(([key]) => ((schema.required ?? []) as string[]).includes(key));
  const picked = some.chain((chosen) => {
    const all = new Map([...required, ...chosen]);
    return fc.record(
      Object.fromEntries([...all].map(([key, inner]) => [key, valueOf(inner as Json, words, depth + 1)])),
    );
  });
  const more = schema.additionalProperties;
  if (typeof more !== "object" || more === null) return picked;
  return fc.dictionary(fc.constantFrom(...words.texts), valueOf(more as Json, words, depth + 1), { maxKeys: 2 });
}

/** Half of a pair has no encoding. */
function isWellFormed(text: string): boolean {
  return text.isWellFormed();
}
