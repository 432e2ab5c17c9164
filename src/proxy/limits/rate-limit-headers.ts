import type { Decision } from "./gcra.ts";

/** What the fields need to know of a limit. */
export interface Policy {
  readonly name: string;
  readonly max: number;
  readonly windowMs: number;
}

/**
 * `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers, structured fields of RFC 9651): `"default";q=100;w=60`. A window below
 * one second says 1, with the quota of that second: the field knows whole seconds only.
 */
export function rateLimitPolicy({ name, max, windowMs }: Policy): string {
  const seconds = Math.max(1, Math.round(windowMs / 1000));
  const quota = Math.max(1, Math.floor((max * seconds * 1000) / windowMs));
  return `${quoted(name)};q=${quota};w=${seconds}`;
}

/** `RateLimit`: what is left, and in how many seconds all of it is back: `"default";r=50;t=30`. @param name quoted */
export function rateLimit(name: string, { remaining, resetMs }: Pick<Decision, "remaining" | "resetMs">): string {
  return `${name};r=${remaining};t=${Math.ceil(resetMs / 1000)}`;
}

/** For `Retry-After` (RFC 9110 §10.2.3): whole seconds, never so few that the next try is refused, never 0. */
export function retryAfterSeconds(retryAfterMs: number): number {
  return Math.max(1, Math.ceil(retryAfterMs / 1000));
}

/** A structured-field string: printable ASCII, what is not becomes `?`. */
export function quoted(name: string): string {
  return `"${name.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "\\$&")}"`;
}
