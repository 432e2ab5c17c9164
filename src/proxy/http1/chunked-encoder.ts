import "./latin1.ts";
import type { HeaderMap } from "../../model/header-map.ts";
import { isForbiddenInTrailers } from "./trailers.ts";
import { CR, LF } from "./octets.ts";
import { isWellFormedSection, TOO_SMALL, UNSAFE } from "./written.ts";

const DIGITS = Buffer.from("0123456789abcdef", "latin1");

/** Room that `writeChunkHeader` needs at most: 14 digits and CR LF. */
export const CHUNK_HEADER_BYTES = 16;
/** What follows the data of each chunk. */
export const CHUNK_END: Uint8Array = Buffer.from("\r\n", "latin1");
/** Ends a body without trailers. */
export const LAST_CHUNK: Uint8Array = Buffer.from("0\r\n\r\n", "latin1");

/**
 * Writes `chunk-size CRLF` (RFC 9112 §7.1); the caller adds `size` octets and `CHUNK_END`.
 * @param size at least 1: a chunk of none would end the body
 * @returns octets written; there must be room for `CHUNK_HEADER_BYTES`
 */
export function writeChunkHeader(buf: Buffer, offset: number, size: number): number {
  let digits = 1;
  for (let rest = size; rest >= 16; rest = Math.floor(rest / 16)) digits++;
  let at = offset + digits;
  for (let rest = size; at > offset; rest = Math.floor(rest / 16)) buf[--at] = DIGITS[rest % 16]!;
  buf[offset + digits] = CR;
  buf[offset + digits + 1] = LF;
  return digits + 2;
}

/**
 * Writes the last chunk and the trailer section (RFC 9112 §7.1.2), without fields that must not be trailers.
 * @returns octets written, `TOO_SMALL` or `UNSAFE`
 */
export function writeLastChunk(buf: Buffer, offset: number, trailers: HeaderMap | null): number {
  let text = "0\r\n";
  let fields = 0;
  if (trailers !== null) {
    const names = trailers.rawNames;
    for (let i = 0; i < names.length; i++) {
      if (isForbiddenInTrailers(names[i]!)) continue;
      text += `${names[i]!}: ${trailers.rawValues[i]!}\r\n`;
      fields++;
    }
  }
  text += "\r\n";
  if (text.length > buf.length - offset) return TOO_SMALL;
  const written = buf.latin1Write(text, offset);
  return isWellFormedSection(buf, offset + 3, offset + written, fields) ? written : UNSAFE;
}
