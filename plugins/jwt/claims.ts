import type { JWTPayload } from "jose";

/** The claim of that name, also one with dots in it; else the way through objects that the dots name. */
export function claimAt(claims: JWTPayload, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: unknown = claims;
  for (const step of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}

/** "a b" and ["a", "b"] both are a and b. */
export function wordsOf(claim: unknown): string[] {
  if (typeof claim === "string") return claim.split(" ").filter((word) => word !== "");
  return Array.isArray(claim) ? claim.filter((word) => typeof word === "string") : [];
}

export function hasValue(claim: unknown, expected: string | number | boolean): boolean {
  return Array.isArray(claim) ? claim.includes(expected) : claim === expected;
}

/** A claim as a header's value, null where there is none. What a header cannot carry as it is, is percent-encoded UTF-8. */
export function headerValueOf(claim: unknown): string | null {
  if (claim === undefined || claim === null) return null;
  const isList = Array.isArray(claim) && claim.every((item) => typeof item !== "object");
  const text = isList
    ? claim.map(String).map(encoded).join(",")
    : typeof claim === "object"
      ? JSON.stringify(claim)
      : String(claim);
  return isList ? text : encoded(text);
}

function encoded(text: string): string {
  return /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text) ? text : encodeURIComponent(text.toWellFormed());
}

const FRAMING: ReadonlySet<string> = new Set([
  "content-length",
  "transfer-encoding",
  "connection",
  "upgrade",
  "te",
  "trailer",
  "host",
]);

/** @throws Error where a name cannot carry a claim */
export function checkHeaderNames(names: readonly string[]): void {
  for (const name of names)
    if (FRAMING.has(name.toLowerCase()) || !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name))
      throw new Error(
        `headers: ${JSON.stringify(name)} is no header field that can carry a claim; use one such as X-User`,
      );
}
