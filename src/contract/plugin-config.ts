import { KindGuard, type TObject, type TSchema } from "@sinclair/typebox";
import { Value, ValueErrorType } from "@sinclair/typebox/value";
import { describeValue, expectedOf, kindOf, readScalar, type KnownNames } from "./config-scalars.ts";
import { didYouMean } from "./edit-distance.ts";

export type ValuePath = ReadonlyArray<string | number>;

export interface ConfigProblem {
  readonly path: Array<string | number>;
  readonly message: string;
  readonly hint?: string;
}

export type PluginConfigReading =
  /** `secrets`: where values stand that must not be shown. */
  { ok: true; value: unknown; secrets: Array<Array<string | number>> } | { ok: false; problems: ConfigProblem[] };

/**
 * Reads what a configuration says for a plugin (`with`), as its schema wants it: defaults filled in, durations in ms, sizes in bytes.
 * Unknown keys are mistakes unless the schema says something about `additionalProperties`. Every problem is told at once.
 */
export function readPluginConfig(schema: TSchema, value: unknown, known: KnownNames = {}): PluginConfigReading {
  const reader = new ConfigReader(known);
  const read = reader.read(schema, value ?? (isMap(schema) ? {} : value), []);
  if (reader.problems.length === 0) reader.constrain(schema, read);
  const { problems, secrets } = reader;
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: read, secrets };
}

class ConfigReader {
  readonly problems: ConfigProblem[] = [];
  readonly secrets: Array<Array<string | number>> = [];
  readonly #known: KnownNames;

  constructor(known: KnownNames) {
    this.#known = known;
  }

  read(schema: TSchema, given: unknown, path: ValuePath): unknown {
    const value = given === undefined ? defaultOf(schema) : given;
    if (kindOf(schema) === "secret") this.secrets.push([...path]);
    if (KindGuard.IsRef(schema) || KindGuard.IsThis(schema)) return value;
    if (Array.isArray(schema.allOf)) return this.#readAll(schema.allOf as TSchema[], value, path);
    if (Array.isArray(schema.anyOf)) return this.#readAny(schema, value, path);
    if (schema.type === "object") return this.#readMap(schema, value, path);
    if (schema.type === "array") return this.#readList(schema, value, path);
    return this.#readScalar(schema, value, path);
  }

  /** What is left to say of values of the right shape: ranges, lengths, patterns. */
  constrain(schema: TSchema, value: unknown): void {
    for (const error of Value.Errors(schema, value)) {
      // A format that nobody has registered forbids nothing.
      if (error.type === ValueErrorType.StringFormatUnknown) continue;
      const path = error.path.split("/").slice(1).map(unescapePointer);
      if (this.problems.some((problem) => samePath(problem.path, path))) continue;
      const shown = kindOf(error.schema) === "secret" ? "" : `, got ${describeValue(error.value)}`;
      this.#problem(path, `${lowerFirst(error.message)}${shown}`);
    }
  }

  #problem(path: ValuePath, message: string, hint?: string): undefined {
    this.problems.push({ path: [...path], message, ...(hint === undefined ? {} : { hint }) });
  }

  #unexpected(schema: TSchema, value: unknown, path: ValuePath): undefined {
    const got = isSecret(schema) && typeof value !== "object" ? "" : `, got ${describeValue(value)}`;
    return this.#problem(path, `expected ${expectedOf(schema)}${got}`);
  }

  #readScalar(schema: TSchema, value: unknown, path: ValuePath): unknown {
    const reading = readScalar(schema, value, this.#known);
    if (reading === null) return this.#unexpected(schema, value, path);
    if ("value" in reading) return reading.value;
    if (kindOf(schema) === "secret") return this.#problem(path, "expected text", reading.hint);
    return this.#problem(path, reading.problem, reading.hint);
  }

  #readList(schema: TSchema, value: unknown, path: ValuePath): unknown {
    if (!Array.isArray(value)) return this.#unexpected(schema, value, path);
    const items = schema.items as TSchema | TSchema[] | undefined;
    if (items === undefined) return value;
    return value.map((item: unknown, i) => {
      const of = Array.isArray(items) ? items[i] : items;
      return of === undefined ? item : this.read(of, item, [...path, i]);
    });
  }

  #readMap(schema: TSchema, value: unknown, path: ValuePath): unknown {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      return this.#unexpected(schema, value, path);
    const properties = (schema.properties ?? {}) as TObject["properties"];
    const result: Record<string, unknown> = {};
    for (const [key, inner] of Object.entries(properties)) {
      const read = this.#readProperty(schema, { key, inner, value: value as Record<string, unknown> }, path);
      if (read !== undefined) result[key] = read;
    }
    for (const [key, inner] of Object.entries(value)) {
      if (!Object.hasOwn(properties, key)) this.#readFree(schema, { key, value: inner, into: result }, path);
    }
    return result;
  }

  #readProperty(
    schema: TSchema,
    { key, inner, value }: { key: string; inner: TSchema; value: Record<string, unknown> },
    path: ValuePath,
  ): unknown {
    const own = Object.hasOwn(value, key) ? value[key] : undefined;
    // `key:` with nothing behind it says nothing.
    const given = own === null && !Value.Check(inner, null) ? undefined : own;
    if (given !== undefined || defaultOf(inner) !== undefined) return this.read(inner, given, [...path, key]);
    if (!((schema.required ?? []) as string[]).includes(key)) return undefined;
    return own === null
      ? this.#problem([...path, key], `has no value: expected ${expectedOf(inner)}`)
      : this.#problem(path, `"${key}" is missing`);
  }

  /** A key that is not among the properties. */
  #readFree(
    schema: TSchema,
    { key, value, into }: { key: string; value: unknown; into: Record<string, unknown> },
    path: ValuePath,
  ): void {
    const at = [...path, key];
    const patterns = Object.entries((schema.patternProperties ?? {}) as Record<string, TSchema>);
    const free = patterns.find(([pattern]) => new RegExp(pattern).test(key))?.[1] ?? schema.additionalProperties;
    // Assigned, it would become the map's prototype.
    if (key === "__proto__") this.#problem(at, `unknown key "__proto__"`);
    else if (typeof free === "object") into[key] = this.read(free as TSchema, value, at);
    else if (free === true || isOpen(schema)) into[key] = value;
    else {
      const known = Object.keys((schema.properties ?? {}) as object);
      const list = known.length <= 14 && known.length > 0 ? `known here: ${known.join(", ")}` : undefined;
      this.#problem(at, `unknown key "${key}"`, didYouMean(key, known) ?? list);
    }
  }

  /** Maps that are meant together are read as one. */
  #readAll(parts: readonly TSchema[], value: unknown, path: ValuePath): unknown {
    if (!parts.every(isMap)) return parts.reduce((read, part) => this.read(part, read, path), value);
    const properties = Object.assign({}, ...parts.map((part) => part.properties as object)) as TObject["properties"];
    const required = parts.flatMap((part) => (part.required ?? []) as string[]);
    const open = parts.find((part) => part.additionalProperties !== undefined && part.additionalProperties !== false);
    const additional = open === undefined ? {} : { additionalProperties: open.additionalProperties as unknown };
    return this.#readMap({ ...parts[0]!, properties, required, ...additional }, value, path);
  }

  /** The branch that takes the value as it is; else one that takes it after reading; else what is wrong with the likeliest. */
  #readAny(schema: TSchema, value: unknown, path: ValuePath): unknown {
    const branches = schema.anyOf as TSchema[];
    const words = branches.map((branch) => branch.const as unknown);
    if (words.every((word) => word !== undefined)) return this.#readScalar({ ...schema, enum: words }, value, path);
    const asIs = branches.filter((branch) => Value.Check(branch, value));
    let best: { reader: ConfigReader; read: unknown } | null = null;
    for (const branch of [...asIs, ...branches.filter((other) => !asIs.includes(other))]) {
      const reader = new ConfigReader(this.#known);
      const read = reader.read(branch, value, path);
      if (reader.problems.length === 0 && Value.Check(branch, read)) {
        this.secrets.push(...reader.secrets);
        return read;
      }
      const isOfItsKind = !reader.problems.some((problem) => samePath(problem.path, path) && !isMissing(problem));
      const isBetter = best === null || reader.problems.length < best.reader.problems.length;
      if (isOfItsKind && reader.problems.length > 0 && isBetter) best = { reader, read };
    }
    if (best === null) return this.#unexpected(schema, value, path);
    this.problems.push(...best.reader.problems);
    return best.read;
  }
}

function isMap(schema: TSchema): boolean {
  return schema.type === "object" || (Array.isArray(schema.allOf) && (schema.allOf as TSchema[]).every(isMap));
}

function isSecret(schema: TSchema): boolean {
  return kindOf(schema) === "secret" || (Array.isArray(schema.anyOf) && (schema.anyOf as TSchema[]).some(isSecret));
}

/** A map of which nothing is said at all holds anything. */
function isOpen(schema: TSchema): boolean {
  return (
    schema.properties === undefined && schema.patternProperties === undefined && schema.additionalProperties !== false
  );
}

function isMissing({ message }: ConfigProblem): boolean {
  return message.endsWith(" is missing");
}

function defaultOf(schema: TSchema): unknown {
  const value: unknown = schema.default;
  if (typeof value === "function") return (value as () => unknown)();
  return typeof value === "object" ? structuredClone(value) : value;
}

function samePath(a: ValuePath, b: ValuePath): boolean {
  return a.length === b.length && a.every((step, i) => String(step) === String(b[i]));
}

function unescapePointer(step: string): string {
  return step.replaceAll("~1", "/").replaceAll("~0", "~");
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
