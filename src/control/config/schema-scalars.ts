import { describeNode, type ScalarNode } from "./config-node.ts";
import { didYouMean } from "../../contract/edit-distance.ts";
import { scalar, scalarField, type FieldOptions, type ScalarKind } from "./schema-kit.ts";
import { parseDuration, parseSize } from "../../contract/units.ts";
import {
  addressBlockProblem,
  fieldValueProblem,
  hostPatternProblem,
  pathPatternProblem,
  regexProblem,
} from "./text-checks.ts";

/** Text as written. A number is not text unless it came from outside: YAML would have dropped its zeros. */
function textOf(node: ScalarNode): string | null {
  if (typeof node.value === "string") return node.value;
  return node.isLoose && node.value !== null ? node.source : null;
}

const NAME = /^[A-Za-z0-9._-]{1,100}$/;
/** Of what a provider has found. */
const FOUND = /^[A-Za-z0-9._-]{1,100}@[a-z]+$/;

export const text = scalarField<string>({
  expected: "text",
  json: { type: "string" },
  read: (node) => {
    const value = textOf(node);
    if (value !== null) return { value };
    return node.value === null ? null : { problem: `expected text, got ${node.source}`, hint: "put it in quotes" };
  },
});

/** Text that people write without quotes even where it looks like a number. */
export const looseText = scalarField<string>({
  expected: "text",
  json: { type: ["string", "number", "boolean"] },
  read: (node) => (node.value === null ? null : { value: typeof node.value === "string" ? node.value : node.source }),
});

/** Text that must pass a check. */
function checked(expected: string, check: (value: string) => string | null, json: object = {}): ScalarKind<string> {
  return {
    expected,
    json: { type: "string", ...json },
    read: (node) => {
      const value = textOf(node);
      if (value === null) return null;
      const problem = check(value);
      return problem === null ? { value } : { problem };
    },
  };
}

const NAME_KIND: ScalarKind<string> = {
  expected: "a name",
  json: { type: "string", pattern: NAME.source },
  read: (node) => {
    if (node.value === null) return null;
    const value = typeof node.value === "string" ? node.value : node.source;
    if (NAME.test(value) || (node.isOurs === true && FOUND.test(value))) return { value };
    return {
      problem: `expected a name, got ${JSON.stringify(value)}`,
      hint: "letters, digits, dot, dash and underscore, at most 100",
    };
  },
};

export const name = scalarField(NAME_KIND);
export const addressBlock = scalarField(checked("an address or CIDR block such as 10.0.0.0/8", addressBlockProblem));
export const hostPattern = scalarField(checked("a host such as api.example.com or *.example.com", hostPatternProblem));
export const pathPattern = scalarField(checked("a path such as /users/:id or /users/*", pathPatternProblem));
export const regex = scalarField(checked("a regular expression", regexProblem, { format: "regex" }));
/** A header's value: numbers are fine, what could break a message is not. */
export const fieldValue = scalarField<string>({
  expected: "a header value",
  json: { type: ["string", "number", "boolean"] },
  read: (node) => {
    if (node.value === null) return null;
    const value = typeof node.value === "string" ? node.value : node.source;
    const problem = fieldValueProblem(value);
    return problem === null ? { value } : { problem };
  },
});

export const bool = scalarField<boolean>({
  expected: "true or false",
  json: { type: "boolean" },
  read: (node) => {
    if (typeof node.value === "boolean") return { value: node.value };
    if (node.value === "true" || node.value === "false") return { value: node.value === "true" };
    return null;
  },
});

interface Range {
  readonly min: number;
  readonly max?: number;
}

export function integer({ min, max = Number.MAX_SAFE_INTEGER }: Range, options: FieldOptions) {
  return scalar(numberKind("a whole number", { min, max }, Number.isSafeInteger), options);
}

export function decimal({ min, max = Number.MAX_VALUE }: Range, options: FieldOptions) {
  return scalar(numberKind("a number", { min, max }, Number.isFinite), options);
}

function numberKind(what: string, range: Required<Range>, isOne: (value: number) => boolean): ScalarKind<number> {
  const { min, max } = range;
  const isOpen = max >= Number.MAX_SAFE_INTEGER;
  const json = { type: what === "a number" ? "number" : "integer", minimum: min, ...(isOpen ? {} : { maximum: max }) };
  const read: ScalarKind<number>["read"] = (node) => {
    const value = numberOf(node);
    return value !== null && isOne(value) && value >= min && value <= max ? { value } : null;
  };
  return { expected: isOpen ? `${what} of at least ${min}` : `${what} from ${min} to ${max}`, json, read };
}

/** Also of a numeric string: `port: "8080"`. */
function numberOf(node: ScalarNode): number | null {
  if (typeof node.value === "number") return node.value;
  if (typeof node.value !== "string" || !/^-?\d+(\.\d+)?$/.test(node.value.trim())) return null;
  return Number(node.value);
}

/** One of a few words (or numbers). */
export function choice<const T extends string | number>(values: readonly T[], options: FieldOptions) {
  const kind: ScalarKind<T> = {
    expected: values.length === 1 ? String(values[0]) : `one of ${values.join(", ")}`,
    json: { enum: values },
    read: (node) => {
      const value = values.find((candidate) => String(candidate) === String(node.value));
      if (value !== undefined) return { value };
      if (node.value === null) return null;
      const hint = didYouMean(node.source, values.map(String));
      const problem = `expected ${kind.expected}, got ${describeNode(node)}`;
      return hint === undefined ? { problem } : { problem, hint };
    },
  };
  return scalar(kind, options);
}

/** A word, or else what `other` reads. */
export function wordOr<const W extends string | boolean, T>(word: W, other: ScalarKind<T>, options: FieldOptions) {
  const kind: ScalarKind<W | T> = {
    expected: `${other.expected}, or ${word}`,
    json: { anyOf: [{ const: word }, other.json] },
    read: (node) => (String(node.value) === String(word) ? { value: word } : other.read(node)),
  };
  return scalar(kind, options);
}

export const PATH_PATTERN_KIND = checked("a path such as /healthz", pathPatternProblem);
/** A share that may be nothing or all. */
export const SHARE_KIND = numberKind("a number", { min: 0, max: 1 }, Number.isFinite);
/** Thresholds: 0 would be crossed by nothing at all. */
export const POSITIVE_SHARE_KIND: ScalarKind<number> = {
  expected: "a number above 0, up to 1",
  json: { type: "number", exclusiveMinimum: 0, maximum: 1 },
  read: (node) => {
    const reading = SHARE_KIND.read(node);
    return reading !== null && "value" in reading && reading.value === 0 ? null : reading;
  },
};
export const TIMES_KIND = numberKind("a whole number", { min: 1, max: 1_000_000 }, Number.isSafeInteger);
export const COUNT_KIND = numberKind("a whole number", { min: 1, max: 1024 }, Number.isSafeInteger);

const LONGEST_MS = 2 ** 31 - 1;

export const DURATION_KIND: ScalarKind<number> = unitKind("a duration such as 5s or 500 (ms)", parseDuration, {
  pattern: String.raw`^\d+(\.\d+)?\s*(ms|s|m|h|d)?$`,
  max: LONGEST_MS,
});

/** In ms. */
export const duration = scalarField(
  unitKind("a duration such as 5s or 500 (ms)", parseDuration, {
    pattern: String.raw`^\d+(\.\d+)?\s*(ms|s|m|h|d)?$`,
    max: LONGEST_MS,
    isPositive: true,
  }),
);

/** In ms; zero is a value. */
export const durationOrZero = scalarField(DURATION_KIND);

/** In bytes. */
export const size = scalarField(
  unitKind("a size such as 10mb or 65536 (bytes)", parseSize, {
    pattern: String.raw`^\d+(\.\d+)?\s*([kmg]?b|[kmg])?$`,
    max: Number.MAX_SAFE_INTEGER,
  }),
);

function unitKind(
  expected: string,
  parse: (text: string) => number | null,
  { pattern, max, isPositive = false }: { pattern: string; max: number; isPositive?: boolean },
): ScalarKind<number> {
  return {
    expected: isPositive ? `${expected}, more than 0` : expected,
    json: {
      anyOf: [
        { type: "integer", minimum: isPositive ? 1 : 0 },
        { type: "string", pattern },
      ],
    },
    read: (node) => {
      if (node.value === null || typeof node.value === "boolean") return null;
      const value = parse(String(node.value));
      if (value === null || (isPositive && value === 0)) return null;
      return value <= max ? { value } : { problem: `${node.source} is too large` };
    },
  };
}
