const MS: Readonly<Record<string, number>> = { "": 1, ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const KB = 1024;
const BYTES: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: KB,
  kb: KB,
  m: KB ** 2,
  mb: KB ** 2,
  g: KB ** 3,
  gb: KB ** 3,
};
const QUANTITY = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/;

/** `5s`, `2m`, `100ms`, `1h`, `500` → ms; null for anything else. */
export function parseDuration(text: string): number | null {
  return parseQuantity(text, MS);
}

/** `10mb` (10 · 2²⁰), `16kb`, `1gb`, `512` → bytes; null for anything else. */
export function parseSize(text: string): number | null {
  return parseQuantity(text, BYTES);
}

function parseQuantity(text: string, units: Readonly<Record<string, number>>): number | null {
  const match = QUANTITY.exec(text.trim().toLowerCase());
  const unit = match === null || !Object.hasOwn(units, match[2]!) ? undefined : units[match[2]!];
  if (match === null || unit === undefined) return null;
  const value = Number(match[1]) * unit;
  // A fraction of the smallest unit is a mistake (`0.5`), one of a larger unit is not (`1.5s`).
  return Number.isInteger(value) || unit > 1 ? Math.round(value) : null;
}
