import Ajv, { type ErrorObject, type Options, type ValidateFunction } from "ajv";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

/** Says what is wrong with a value, in `place` (`body`, `query` …); empty when nothing is. */
export type Validate = (value: unknown) => string[];

export interface Compiler {
  readonly draft: "2020-12" | "7";
  readonly coerce: boolean;
  readonly maxErrors: number;
}

export type SchemaObject = Record<string, unknown> | boolean;

/** Values that take longer to describe than to refuse get one mistake only: a million of them is an attack. */
const LISTED_NODES = 10_000;
const LONGEST_NAME = 64;

/** Makes validators that share what `shared`, schemas under an `$id`, holds. */
export class SchemaCompiler {
  readonly #way: Compiler;
  readonly #first: Ajv;
  readonly #all: Ajv;

  constructor(way: Compiler, shared?: Record<string, unknown>) {
    this.#way = way;
    this.#first = newAjv(way, false);
    this.#all = newAjv(way, true);
    // It only holds definitions: those that are used are looked at when they are compiled.
    if (shared !== undefined)
      for (const ajv of [this.#first, this.#all]) ajv.addSchema(shared, undefined, false, false);
  }

  /** @throws Error that says what is wrong with the schema, which messages call `place` */
  compile(schema: unknown, place: string, from = place): Validate {
    if ((typeof schema !== "object" || schema === null || Array.isArray(schema)) && typeof schema !== "boolean")
      throw new Error(`${from} must be a JSON Schema: an object, or true or false`);
    const first = compiled(this.#first, schema as SchemaObject, from);
    let all: ValidateFunction | null = null;
    return (value) => {
      try {
        // What stops at the first mistake decides; the other one only explains.
        if (first(value)) return [];
        const { maxErrors } = this.#way;
        if (maxErrors === 1 || !isSmall(value)) return [sentence(first.errors![0]!, place)];
        all ??= compiled(this.#all, schema as SchemaObject, from);
        all(value);
        const errors = all.errors ?? first.errors ?? [];
        return errors.slice(0, maxErrors).map((error) => sentence(error, place));
      } catch (error) {
        if (error instanceof RangeError) return [`${place} is nested too deeply`];
        throw error;
      }
    };
  }
}

function newAjv({ draft, coerce }: Compiler, allErrors: boolean): Ajv {
  const options: Options = {
    allErrors,
    coerceTypes: coerce ? "array" : false,
    strict: false,
    ownProperties: true,
    // The other validator has seen the schema by then; to look again would stop traffic for some 80 ms.
    validateSchema: !allErrors,
    logger: false,
  };
  const ajv = draft === "7" ? new Ajv(options) : new Ajv2020(options);
  addFormats(ajv);
  return ajv;
}

function compiled(ajv: Ajv, schema: SchemaObject, from: string): ValidateFunction {
  try {
    return ajv.compile(schema);
  } catch (error) {
    throw new Error(`${from} is no valid JSON Schema: ${(error as Error).message}`, { cause: error });
  }
}

/** Nothing is fetched, so what is not here cannot be meant. @throws Error */
export function refuseRemote(node: unknown, place: string): void {
  if (typeof node !== "object" || node === null) return;
  for (const [key, value] of Object.entries(node)) {
    if ((key === "$ref" || key === "$dynamicRef") && typeof value === "string" && !value.startsWith("#"))
      throw new Error(`${place}: $ref ${JSON.stringify(value)} leads elsewhere; only "#/…" works: put it into $defs`);
    refuseRemote(value, place);
  }
}

function isSmall(value: unknown): boolean {
  let nodes = 0;
  const stack: unknown[] = [value];
  while (stack.length > 0) {
    if (++nodes > LISTED_NODES) return false;
    const node = stack.pop();
    if (typeof node !== "object" || node === null) continue;
    const members: unknown[] = Object.values(node);
    if (members.length > LISTED_NODES) return false;
    stack.push(...members);
  }
  return true;
}

/** `body/age must be integer`; values never stand in it, names of what must not be there do. */
function sentence({ instancePath, message = "is not valid", params }: ErrorObject, place: string): string {
  const pointer = instancePath.length > 2 * LONGEST_NAME ? `${instancePath.slice(0, 2 * LONGEST_NAME)}…` : instancePath;
  const extra: unknown = params["additionalProperty"] ?? params["unevaluatedProperty"];
  const allowed: unknown = params["allowedValues"];
  const more =
    typeof extra === "string"
      ? ` (${JSON.stringify(extra.slice(0, LONGEST_NAME))})`
      : Array.isArray(allowed) && allowed.length <= 10
        ? ` (${allowed.map((value) => JSON.stringify(value)).join(", ")})`
        : "";
  return `${place}${pointer} ${message}${more}`;
}
