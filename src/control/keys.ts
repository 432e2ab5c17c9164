import { createHmac, randomBytes } from "node:crypto";

/** As `security.auth.keys` has them. */
export interface KeyEntry {
  readonly name: string;
  readonly hash: string;
  readonly scopes?: readonly string[];
  readonly expires?: string;
}

export interface KeyRequest {
  readonly name: string;
  readonly scopes?: readonly string[] | undefined;
  readonly expires?: string | undefined;
}

/**
 * A salt keeps short secrets from being looked up in a table of hashes; 256 random bits are in no table. So all keys share this one,
 * and a request costs one HMAC however many there are.
 */
const SALT = "sluice";
const LONGEST_NAME = 100;

/** A random key, shown once, and what is kept of it. */
export function createKey({ name, scopes, expires }: KeyRequest): { key: string; entry: KeyEntry } {
  const key = `slk_${randomBytes(32).toString("base64url")}`;
  const entry = {
    name,
    hash: `hmac-sha256:${SALT}:${createHmac("sha256", SALT).update(key).digest("hex")}`,
    ...(scopes === undefined ? {} : { scopes }),
    ...(expires === undefined ? {} : { expires }),
  };
  return { key, entry };
}

/** @returns what is wrong with it, in words that follow what it is called; null: nothing */
export function keyNameProblem(name: string): string | null {
  if (!/^[^\s\p{Cc}](.*[^\s\p{Cc}])?$/u.test(name) || /\p{Cc}/u.test(name))
    return "is not empty, neither starts nor ends with white space, and has no control characters";
  if (name.includes("${")) return "has ${, which the configuration would take for a variable";
  return name.length > LONGEST_NAME ? `has ${name.length} characters; ${LONGEST_NAME} is the most` : null;
}

export function keyScopesProblem(scopes: readonly string[]): string | null {
  const wrong = scopes.find((scope) => !/^[\w.:/*+@-]+$/.test(scope));
  if (wrong !== undefined) return `${JSON.stringify(wrong)} is not made of letters, digits and . _ : / * + @ -`;
  return new Set(scopes).size === scopes.length ? null : "names one twice";
}

/** A time without its zone would be another moment on another machine. */
const DATE = /^(\d{4}-\d\d-\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d))?$/;

export function keyExpiryProblem(text: string, now: number): string | null {
  const day = DATE.exec(text)?.[1];
  const at = Date.parse(text);
  // The 30th of February would quietly be a day in March.
  if (day === undefined || Number.isNaN(at) || !new Date(Date.parse(day)).toISOString().startsWith(day))
    return `is a date such as 2027-01-31 or 2027-01-31T12:00:00Z, not ${JSON.stringify(text)}`;
  return at <= now ? `${text} has passed` : null;
}
