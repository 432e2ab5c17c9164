import { COLON, CR, FIELD_VALUE, HTAB, isName, LF, nameOctets, SP, TOKEN } from "./octets.ts";

/** More fields than any sane message has; what a hostile one can make every later loop over the fields cost. */
const MAX_FIELDS = 256;
export const TOO_MANY_FIELDS = `more than ${MAX_FIELDS} header fields`;

/** Why a section is refused, for the log. */
export type Fault = string;

const HOST = nameOctets("host");
const CONTENT_LENGTH = nameOctets("content-length");
const TRANSFER_ENCODING = nameOctets("transfer-encoding");
const CONNECTION = nameOctets("connection");
const KEEP_ALIVE = nameOctets("keep-alive");
const PROXY_CONNECTION = nameOctets("proxy-connection");
const UPGRADE = nameOctets("upgrade");
const TE = nameOctets("te");
const EXPECT = nameOctets("expect");

/**
 * A field section (RFC 9112 §5), cut and validated in one pass over its octets, which also sorts out what frames the message
 * and what belongs to the connection. `names` and `values` hold the end-to-end rest, Host and Content-Length in place.
 */
export class FieldSection {
  readonly names: string[] = [];
  readonly values: string[] = [];
  host: string | null = null;
  /** -1: none. */
  contentLength = -1;
  transferEncoding: string | null = null;
  connection: string | null = null;
  upgrade: string | null = null;
  te: string | null = null;
  expect: string | null = null;

  /**
   * Reads the field lines from `at` to the end of `text`, the latin1 text of `bytes` from `base` on. The octets after it must
   * be CR LF: every scan below stops there at the latest.
   */
  read(bytes: Uint8Array, text: string, base: number, at: number): Fault | null {
    const end = base + text.length;
    while (at < end) {
      let colon = at;
      while (TOKEN[bytes[colon]!] === 1) colon++;
      if (bytes[colon] !== COLON || colon === at) return nameFault(bytes[at]!, bytes[colon]!);
      let from = colon + 1;
      while (bytes[from] === SP || bytes[from] === HTAB) from++;
      let next = from;
      while (FIELD_VALUE[bytes[next]!] === 1) next++;
      // RFC 9112 §2.2: a bare CR or LF is no line end; RFC 9110 §5.5: controls are dangerous in a value.
      if (bytes[next] !== CR || bytes[next + 1] !== LF) return "control character in a field value";
      let to = next;
      while (to > from && (bytes[to - 1] === SP || bytes[to - 1] === HTAB)) to--;
      const name = text.slice(at - base, colon - base);
      const value = text.slice(from - base, to - base);
      const kind = kindOf(bytes, at, colon - at);
      if (kind === Kind.plain) {
        this.names.push(name);
        this.values.push(value);
      } else {
        const fault = this.#sort(kind, name, value);
        if (fault !== null) return fault;
      }
      at = next + 2;
    }
    return this.names.length > MAX_FIELDS ? TOO_MANY_FIELDS : null;
  }

  #sort(kind: Kind, name: string, value: string): Fault | null {
    switch (kind) {
      case Kind.host:
        // RFC 9112 §3.2: more than one Host is a 400.
        if (this.host !== null) return "repeated Host";
        this.host = value;
        break;
      case Kind.contentLength:
        // RFC 9112 §6.3(5) allows to collapse equal values; one number said once leaves nothing to collapse.
        if (this.contentLength >= 0) return "repeated Content-Length";
        this.contentLength = parseContentLength(value);
        if (this.contentLength < 0) return "malformed Content-Length";
        break;
      case Kind.expect:
        this.expect = joined(this.expect, value);
        break;
      case Kind.transferEncoding:
        if (this.transferEncoding !== null) return "repeated Transfer-Encoding";
        this.transferEncoding = value;
        return null;
      case Kind.connection:
        this.connection = joined(this.connection, value);
        return null;
      case Kind.upgrade:
        this.upgrade = joined(this.upgrade, value);
        return null;
      case Kind.te:
        this.te = joined(this.te, value);
        return null;
      default:
        return null;
    }
    this.names.push(name);
    this.values.push(value);
    return null;
  }
}

const enum Kind {
  plain,
  host,
  contentLength,
  expect,
  transferEncoding,
  connection,
  upgrade,
  te,
  /** Keep-Alive and Proxy-Connection: of this connection, and nothing we act on (RFC 9110 §7.6.1). */
  dropped,
}

// By length first: most fields are none of these and are told apart by one comparison.
function kindOf(bytes: Uint8Array, at: number, length: number): Kind {
  switch (length) {
    case 2:
      return isName(bytes, at, TE) ? Kind.te : Kind.plain;
    case 4:
      return isName(bytes, at, HOST) ? Kind.host : Kind.plain;
    case 6:
      return isName(bytes, at, EXPECT) ? Kind.expect : Kind.plain;
    case 7:
      return isName(bytes, at, UPGRADE) ? Kind.upgrade : Kind.plain;
    case 10:
      if (isName(bytes, at, CONNECTION)) return Kind.connection;
      return isName(bytes, at, KEEP_ALIVE) ? Kind.dropped : Kind.plain;
    case 14:
      return isName(bytes, at, CONTENT_LENGTH) ? Kind.contentLength : Kind.plain;
    case 16:
      return isName(bytes, at, PROXY_CONNECTION) ? Kind.dropped : Kind.plain;
    case 17:
      return isName(bytes, at, TRANSFER_ENCODING) ? Kind.transferEncoding : Kind.plain;
    default:
      return Kind.plain;
  }
}

function nameFault(first: number, stop: number): Fault {
  // RFC 9112 §5.2: a server must reject obs-fold or unfold it; unfolding is a second reading.
  if (first === SP || first === HTAB) return "folded field line";
  if (first === COLON) return "empty field name";
  // RFC 9112 §5.1: white space before the colon is a 400.
  return stop === SP || stop === HTAB ? "white space in a field name" : "invalid field name";
}

function joined(before: string | null, value: string): string {
  return before === null ? value : `${before}, ${value}`;
}

/** 1*DIGIT (RFC 9110 §8.6) that a double holds exactly; -1 for anything else: signs, lists, white space, hexadecimal. */
function parseContentLength(value: string): number {
  const length = value.length;
  if (length === 0 || length > 20) return -1;
  let n = 0;
  for (let i = 0; i < length; i++) {
    const digit = value.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    n = n * 10 + digit;
  }
  return n <= Number.MAX_SAFE_INTEGER ? n : -1;
}
