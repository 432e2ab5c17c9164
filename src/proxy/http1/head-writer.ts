import "./latin1.ts";
import type { HeaderMap } from "../../model/header-map.ts";
import { CHUNKED, type Framing, refusesFraming, UNTIL_CLOSE } from "./body-framing.ts";
import { FieldLines } from "./field-lines.ts";
import { CR, FIELD_VALUE, LF, SP, TARGET, TOKEN } from "./octets.ts";
import { isWellFormedSection, TOO_SMALL, UNSAFE } from "./written.ts";

const BLANK_LINE_BYTES = 2;

/** What the codec says on its own authority, besides the end-to-end fields. */
export interface ConnectionFields {
  readonly framing: Framing;
  /** null: nothing need be said, as with HTTP/1.1 and a connection that stays. */
  readonly connection: "close" | "keep-alive" | null;
  /** The protocol of a request that asks to switch, or of a 101 or 426; else null. */
  readonly upgrade: string | null;
  /** Of a request: we pass trailers on, so the upstream may send them (RFC 9110 §10.1.4). */
  readonly teTrailers: boolean;
}

export interface OutgoingRequest {
  readonly method: string;
  /** Origin-form, or `*`. */
  readonly target: string;
  readonly authority: string;
  readonly headers: HeaderMap;
}

export interface OutgoingResponse {
  readonly status: number;
  readonly reason: string;
  readonly headers: HeaderMap;
}

/**
 * Writes a request head. Host is sent with `authority`, in its place or first (RFC 9112 §3.2); framing and connection fields
 * come from `own` alone, a Content-Length in its place.
 * @returns octets written, `TOO_SMALL` (take a larger buffer) or `UNSAFE`
 */
export function writeRequestHead(buf: Buffer, offset: number, head: OutgoingRequest, own: ConnectionFields): number {
  // A request cannot end with its connection: the reply comes on it.
  if (own.framing === UNTIL_CLOSE) return UNSAFE;
  const line = `${head.method} ${head.target} HTTP/1.1\r\n`;
  if (line.length + BLANK_LINE_BYTES > buf.length - offset) return TOO_SMALL;
  const lines = new FieldLines(buf, offset + buf.latin1Write(line, offset));
  const from = requestLineEnd(buf, offset);
  lines.addRequestFields(head.headers, head.authority, own.framing);
  if (own.framing === CHUNKED) lines.add("Transfer-Encoding", "chunked");
  if (own.teTrailers) lines.add("TE", "trailers");
  addConnection(lines, own);
  return finish(buf, offset, lines, from);
}

/**
 * Writes a response head, interim or final, always as HTTP/1.1 (RFC 9110 §2.5): that the client speaks 1.0 shows in `own` only,
 * which must then not be chunked. With `NO_BODY` a Content-Length says what GET would have brought and goes on as it is.
 * @returns octets written, `TOO_SMALL` (take a larger buffer) or `UNSAFE`
 */
export function writeResponseHead(buf: Buffer, offset: number, head: OutgoingResponse, own: ConnectionFields): number {
  const line = `HTTP/1.1 ${head.status} ${head.reason}\r\n`;
  if (line.length + BLANK_LINE_BYTES > buf.length - offset) return TOO_SMALL;
  const lines = new FieldLines(buf, offset + buf.latin1Write(line, offset));
  const from = statusLineEnd(buf, offset);
  // RFC 9110 §8.6, RFC 9112 §6.1: 1xx and 204 carry neither Content-Length nor Transfer-Encoding.
  const framing = refusesFraming(head.status) ? UNTIL_CLOSE : own.framing;
  lines.addResponseFields(head.headers, framing);
  if (framing === CHUNKED) lines.add("Transfer-Encoding", "chunked");
  addConnection(lines, own);
  return finish(buf, offset, lines, from);
}

/** RFC 9110 §7.6.1: who sends a field of this connection names it in Connection. */
function addConnection(lines: FieldLines, own: ConnectionFields): void {
  let options = own.connection ?? "";
  if (own.teTrailers) options = listed(options, "TE");
  if (own.upgrade !== null) {
    options = listed(options, "Upgrade");
    lines.add("Upgrade", own.upgrade);
  }
  if (options !== "") lines.add("Connection", options);
}

function listed(list: string, option: string): string {
  return list === "" ? option : `${list}, ${option}`;
}

/** `from`: where the fields begin, negative when the start line went wrong. */
function finish(buf: Buffer, offset: number, lines: FieldLines, from: number): number {
  if (!lines.fits) return TOO_SMALL;
  lines.end();
  // What the parser validated, octet by octet, and nobody changed since, is not looked at twice.
  if (from >= 0 && lines.vouched) return lines.at - offset;
  return from >= 0 && isWellFormedSection(buf, from, lines.at, lines.count) ? lines.at - offset : UNSAFE;
}

/** Index after the request-line that was written at `at`; -1 when hooks or configuration made something else of it. */
function requestLineEnd(bytes: Uint8Array, at: number): number {
  const method = at;
  while (TOKEN[bytes[at]!] === 1) at++;
  if (at === method || bytes[at] !== SP) return -1;
  const target = ++at;
  while (TARGET[bytes[at]!] === 1) at++;
  // What follows was written as a constant.
  return at > target && bytes[at] === SP && bytes[at + 9] === CR && bytes[at + 10] === LF ? at + 11 : -1;
}

function statusLineEnd(bytes: Uint8Array, at: number): number {
  if (bytes[at + 12] !== SP) return -1;
  at += 12;
  while (FIELD_VALUE[bytes[at]!] === 1) at++;
  return bytes[at] === CR && bytes[at + 1] === LF ? at + 2 : -1;
}
