/** What the language's types do not know yet: numbers that stay as they were written. */
const EXACT = JSON as unknown as {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): object;
  isRawJSON(value: unknown): boolean;
};

/** A number that a double might not write back as it came: long, with a fraction or an exponent, or minus nought. */
const DELICATE = /\d{16}|\d[.eE]|-0/;

export interface JsonDocument {
  /** undefined is never a document. */
  readonly value: unknown;
}

/** @returns null where `bytes` are no JSON in UTF-8. Numbers that would change by being read are kept as text. */
export function parseJson(bytes: Uint8Array): JsonDocument | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return { value: DELICATE.test(text) ? EXACT.parse(text, keepNumber) : JSON.parse(text) };
  } catch {
    return null;
  }
}

function keepNumber(_: string, value: unknown, { source }: { source?: string }): unknown {
  return typeof value === "number" && source !== undefined && String(value) !== source ? EXACT.rawJSON(source) : value;
}

/** @returns null where it is nested too deep to be written. */
export function writeJson(document: JsonDocument): string | null {
  try {
    return JSON.stringify(document.value);
  } catch {
    return null;
  }
}

/** An object or array; a number that is kept as text is neither. */
export function isContainer(value: unknown): value is Record<string, unknown> | unknown[] {
  return typeof value === "object" && value !== null && !EXACT.isRawJSON(value);
}
