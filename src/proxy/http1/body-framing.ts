import type { FieldSection } from "./field-section.ts";

/**
 * How a message's body is delimited (RFC 9112 §6.3): a number of octets, 0 or more, or one of the three below. A plain number,
 * because it is decided twice for every exchange.
 */
export type Framing = number;

/** The message has no body, whatever its fields say of one. */
export const NO_BODY = -1;
/** chunked is the final and only transfer coding (RFC 9112 §7.1). */
export const CHUNKED = -2;
/** A response that ends with its connection. */
export const UNTIL_CLOSE = -3;
/** The section says contradictory or incomprehensible things about its body: nobody may guess (RFC 9112 §11.2). */
export const AMBIGUOUS = -4;

/** RFC 9112 §6.3 for a request: what it declares, and (7) no body when it declares nothing. */
export function requestFraming(fields: FieldSection, minor: number): Framing {
  return declaredFraming(fields, minor);
}

/** RFC 9112 §6.3 for a response to `requestMethod`, rules in their order. */
export function responseFraming(fields: FieldSection, minor: number, status: number, requestMethod: string): Framing {
  const framing = declaredFraming(fields, minor);
  if (framing === AMBIGUOUS) return AMBIGUOUS;
  // (1) HEAD, 1xx, 204 and 304 end with their head. (2), a 2xx to CONNECT, cannot happen: CONNECT is refused.
  if (requestMethod === "HEAD" || isBodiless(status)) return NO_BODY;
  // (8) a response that says nothing lasts until its connection ends.
  return framing === NO_BODY ? UNTIL_CLOSE : framing;
}

/** Statuses whose responses never have a body (RFC 9110 §6.4.1). */
export function isBodiless(status: number): boolean {
  return status < 200 || status === 204 || status === 304;
}

/** Statuses whose responses must not even carry Content-Length or Transfer-Encoding (RFC 9110 §8.6, RFC 9112 §6.1). */
export function refusesFraming(status: number): boolean {
  return status < 200 || status === 204;
}

/** What the fields say, rules (3) to (6); NO_BODY when they say nothing. */
function declaredFraming(fields: FieldSection, minor: number): Framing {
  const coding = fields.transferEncoding;
  if (coding === null) return fields.contentLength; // -1 is NO_BODY
  // (3) Transfer-Encoding overrides Content-Length, but "ought to be handled as an error": it is how requests are smuggled.
  if (fields.contentLength >= 0) return AMBIGUOUS;
  // §6.1: HTTP/1.0 knows no transfer codings; a message with one is faulty.
  if (minor < 1) return AMBIGUOUS;
  // (4) only chunked delimits, and we implement no other coding that could come before it.
  return coding.length === 7 && coding.toLowerCase() === "chunked" ? CHUNKED : AMBIGUOUS;
}
