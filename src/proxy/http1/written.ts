import { COLON, CR, FIELD_VALUE, LF, TOKEN } from "./octets.ts";

/** What the writers return instead of a length: take a larger buffer. */
export const TOO_SMALL = -1;
/** What the writers return instead of a length: something in the head would change how it is read. Nothing may be sent. */
export const UNSAFE = -2;

/**
 * The last line of defence, after the parser and `HeaderMap` have validated what came in: are the octets from `at` to `end`
 * exactly `count` field lines and an empty line? It looks at what was written, not at the strings, because latin1 writing keeps
 * the low byte of a code point only: "\u010d\u010a" becomes CR LF.
 */
export function isWellFormedSection(bytes: Uint8Array, at: number, end: number, count: number): boolean {
  for (let i = 0; i < count; i++) {
    const start = at;
    while (TOKEN[bytes[at]!] === 1) at++;
    if (at === start || bytes[at] !== COLON) return false;
    at++;
    while (FIELD_VALUE[bytes[at]!] === 1) at++;
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return false;
    at += 2;
  }
  return bytes[at] === CR && bytes[at + 1] === LF && at + 2 === end;
}
