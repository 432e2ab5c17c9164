import type { StatusRangeSpec } from "../../model/snapshot-spec.ts";

/**
 * `200`, `2xx` or `200-299`.
 *
 * @returns what is wrong with it as text.
 */
export function parseStatusRange(text: string): StatusRangeSpec | string {
  const trimmed = text.trim();
  const family = /^([1-5])xx$/i.exec(trimmed);
  if (family !== null) return [Number(family[1]) * 100, Number(family[1]) * 100 + 99];
  const range = /^(\d{3})(?:\s*-\s*(\d{3}))?$/.exec(trimmed);
  const from = Number(range?.[1]);
  const to = Number(range?.[2] ?? range?.[1]);
  if (range === null || from < 100 || to > 599 || from > to)
    return `expected a status such as 200, 2xx or 200-299, got ${JSON.stringify(text)}`;
  return [from, to];
}

export function isExpected(status: number, ranges: readonly StatusRangeSpec[]): boolean {
  return ranges.some(([from, to]) => status >= from && status <= to);
}

/** "200, 300-399" */
export function rangesText(ranges: readonly StatusRangeSpec[]): string {
  return ranges.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(", ");
}
