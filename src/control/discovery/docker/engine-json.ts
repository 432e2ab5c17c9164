/** What an engine sends is looked at field by field: a missing or odd one is as good as empty. */

export type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Those of a map's values that are text. */
export function textsOf(value: unknown): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [key, text] of Object.entries(fieldsOf(value)))
    if (typeof text === "string" && key !== "__proto__") found[key] = text;
  return found;
}

/** Ms since the epoch; 0 for Docker's "never" and for what is no time. */
export function timeOf(value: unknown): number {
  const ms = Date.parse(textOf(value));
  return ms > 0 ? ms : 0;
}
