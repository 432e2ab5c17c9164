import type { HeaderMap } from "../model/header-map.ts";

/**
 * Header fields in the form that `fetch` and `Response` take fastest: a plain object (1.25 µs for eight fields; pairs take
 * 1.45 µs, `append` on a Headers 1.3 µs), or pairs where a name occurs twice, which an object cannot hold.
 *
 * @param skip a lower-case name to leave out, or null.
 */
export function toWebHeaders(headers: HeaderMap, skip: string | null): Record<string, string> | [string, string][] {
  const names = headers.rawNames;
  const values = headers.rawValues;
  const object: Record<string, string> = {};
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!;
    if (skip !== null && name.length === skip.length && name.toLowerCase() === skip) continue;
    // `__proto__` is a token too, and `constructor` is found in every object.
    if (name in object) return toPairs(headers, skip);
    object[name] = values[i]!;
  }
  return object;
}

function toPairs(headers: HeaderMap, skip: string | null): [string, string][] {
  const pairs: [string, string][] = [];
  headers.forEach((value, name) => {
    if (skip === null || name.toLowerCase() !== skip) pairs.push([name, value]);
  });
  return pairs;
}
