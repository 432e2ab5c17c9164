import "./latin1.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import { HeaderMap } from "../../model/header-map.ts";
import { AMBIGUOUS, CHUNKED, type Framing, refusesFraming, responseFraming, UNTIL_CLOSE } from "./body-framing.ts";
import { FieldSection } from "./field-section.ts";
import { connectionOptions, persists, removeNamed, upgradeProtocol } from "./hop-by-hop.ts";
import { CR, FIELD_VALUE, LF, SP } from "./octets.ts";
import { httpVersion } from "./request-line.ts";

/** Statuses that tell which protocol is, or would have to be, spoken next (RFC 9110 §15.2.2, §15.5.22). */
const SWITCHING_PROTOCOLS = 101;
const UPGRADE_REQUIRED = 426;

/** A response head that has one reading, interim or final. */
export class ResponseHead {
  readonly status: number;
  readonly reason: string;
  /** Of HTTP/1.x. */
  readonly minor: number;
  /** End-to-end fields as received, Content-Length in place; a 1xx or 204 loses its Content-Length (RFC 9110 §8.6). */
  readonly headers: HeaderMap;
  readonly framing: Framing;
  /** The connection may be used again when the body has ended. */
  readonly keepAlive: boolean;
  /** Of a 101 or 426 whose Connection names it: the lower-case protocol; else null. */
  readonly upgrade: string | null;
  /** The body may be quiet for as long as it likes. */
  readonly eventStream: boolean;

  constructor(line: StatusLine, fields: FieldSection, framing: Framing) {
    const status = line.status;
    const options = connectionOptions(fields.connection);
    this.status = status;
    this.reason = line.reason;
    this.minor = line.minor;
    this.headers = new HeaderMap([], [], fields);
    this.headers.fromCodec = true;
    this.eventStream = fields.eventStream;
    this.framing = framing;
    const misframed = refusesFraming(status) && (fields.contentLength > 0 || fields.transferEncoding !== null);
    // A 204 that announces a body may be followed by one: its connection must not carry another response.
    this.keepAlive = framing !== UNTIL_CLOSE && !misframed && persists(line.minor, options);
    this.upgrade =
      status === SWITCHING_PROTOCOLS || status === UPGRADE_REQUIRED ? upgradeProtocol(fields.upgrade, options) : null;
    if (fields.contentLength >= 0 && refusesFraming(status)) this.headers.remove("content-length");
    if (options.named !== null) removeNamed(this.headers, options.named);
  }

  /** -1: no Content-Length delimits the body. */
  get contentLength(): number {
    return this.framing < 0 ? -1 : this.framing;
  }

  get chunked(): boolean {
    return this.framing === CHUNKED;
  }
}

/**
 * Parses the head of a response to `requestMethod` in `bytes` from `start` to `end`, where CR LF CR LF follows (see
 * `HeadScanner`). As strict as for requests: what an upstream says ambiguously is a 502, not a guess.
 */
export function parseResponseHead(
  bytes: Buffer,
  start: number,
  end: number,
  requestMethod: string,
): ResponseHead | GatewayError {
  const text = bytes.latin1Slice(start, end + 2);
  const line = parseStatusLine(bytes, text, start);
  if (line === null) return bad("malformed status line");
  const fields = new FieldSection("upstream");
  const fault = fields.read(bytes, text, start, line.next);
  if (fault !== null) return bad(fault);
  const framing = responseFraming(fields, line.minor, line.status, requestMethod);
  return framing === AMBIGUOUS ? bad("ambiguous body framing") : new ResponseHead(line, fields, framing);
}

class StatusLine {
  readonly status: number;
  readonly reason: string;
  readonly minor: number;
  /** Where the first field line starts. */
  readonly next: number;

  constructor(status: number, reason: string, minor: number, next: number) {
    this.status = status;
    this.reason = reason;
    this.minor = minor;
    this.next = next;
  }
}

/** `HTTP-version SP 3DIGIT SP [reason-phrase]` (RFC 9112 §4); the second SP may be missing, as many servers have it. */
function parseStatusLine(bytes: Uint8Array, text: string, start: number): StatusLine | null {
  const version = httpVersion(bytes, start);
  if (version < 10 || version > 19 || bytes[start + 8] !== SP) return null;
  const status = statusCode(bytes, start + 9);
  if (status < 100) return null;
  let at = start + 12;
  let reason = "";
  if (bytes[at] === SP) {
    at++;
    while (FIELD_VALUE[bytes[at]!] === 1) at++;
    reason = text.slice(13, at - start);
  }
  return bytes[at] === CR && bytes[at + 1] === LF ? new StatusLine(status, reason, version - 10, at + 2) : null;
}

/** Three digits; 0 when they are not. RFC 9110 §15 ends at 599, but what is above has one reading too. */
function statusCode(bytes: Uint8Array, at: number): number {
  const a = bytes[at]! - 0x30;
  const b = bytes[at + 1]! - 0x30;
  const c = bytes[at + 2]! - 0x30;
  return a >= 0 && a <= 9 && b >= 0 && b <= 9 && c >= 0 && c <= 9 ? a * 100 + b * 10 + c : 0;
}

function bad(detail: string): GatewayError {
  return new GatewayError("upstream_bad_response", detail);
}
