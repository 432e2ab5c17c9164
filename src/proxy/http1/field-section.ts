import type { UncutFields } from "../../model/header-map.ts";
import { Watched } from "../../model/watched-fields.ts";
import { isDisguised } from "../own-fields.ts";
import { COLON, CR, FIELD_VALUE, HTAB, isName, LF, nameOctets, PLAIN_NAME, SP, TOKEN } from "./octets.ts";

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
const VIA = nameOctets("via");
const X_REQUEST_ID = nameOctets("x-request-id");
const CONTENT_TYPE = nameOctets("content-type");
const X_REAL_IP = nameOctets("x-real-ip");
const FORWARDED = nameOctets("forwarded");
const X_FORWARDED = nameOctets("x-forwarded-");
const EVENT_STREAM = nameOctets("text/event-stream");

/**
 * A field section (RFC 9112 §5), validated in one pass over its octets, which also sorts out what frames the message and what
 * belongs to the connection. The end-to-end rest, Host and Content-Length in place, stays uncut: nearly all of it is only passed
 * on, and a line that is already canonical is written as it stands in `text`.
 */
export class FieldSection implements UncutFields {
  text = "";
  /** Where the end-to-end lines stand in `text`, CR LF included: start and end of each stretch without a gap. */
  readonly stretches: number[] = [];
  /** Every end-to-end line reads `name: value` with one space and nothing else around the value. */
  canonical = true;
  seen = 0;
  count = 0;
  host: string | null = null;
  /** -1: none. */
  contentLength = -1;
  transferEncoding: string | null = null;
  connection: string | null = null;
  upgrade: string | null = null;
  te: string | null = null;
  expect: string | null = null;
  /** Content-Type says `text/event-stream`: such a body may be quiet. */
  eventStream = false;
  readonly #from: "client" | "upstream";

  /** @param from what a client says in the name of our own fields is not kept */
  constructor(from: "client" | "upstream") {
    this.#from = from;
  }

  /**
   * Reads the field lines from `at` to the end of `text`, the latin1 text of `bytes` from `base` on, the CR LF of its last line
   * included. CR LF must follow in `bytes`: every scan below stops there at the latest.
   */
  read(bytes: Uint8Array, text: string, base: number, at: number): Fault | null {
    this.text = text;
    const end = base + text.length;
    while (at < end) {
      let colon = at;
      while (PLAIN_NAME[bytes[colon]!] === 1) colon++;
      const isPlain = bytes[colon] === COLON;
      if (!isPlain) while (TOKEN[bytes[colon]!] === 1) colon++;
      if (bytes[colon] !== COLON || colon === at) return nameFault(bytes[at]!, bytes[colon]!);
      let from = colon + 1;
      while (bytes[from] === SP || bytes[from] === HTAB) from++;
      let next = from;
      while (FIELD_VALUE[bytes[next]!] === 1) next++;
      // RFC 9112 §2.2: a bare CR or LF is no line end; RFC 9110 §5.5: controls are dangerous in a value.
      if (bytes[next] !== CR || bytes[next + 1] !== LF) return "control character in a field value";
      let to = next;
      while (to > from && (bytes[to - 1] === SP || bytes[to - 1] === HTAB)) to--;
      const kind = isPlain ? kindOf(bytes, at, colon - at) : this.#kindOfDisguise(text.slice(at - base, colon - base));
      if (kind >= Kind.contentType) this.#note(kind, bytes, from);
      else if (kind !== Kind.plain) {
        const fault = this.#sort(kind, text.slice(from - base, to - base));
        if (fault !== null) return fault;
      }
      if (kind < Kind.transferEncoding || kind >= Kind.contentType) {
        if (bytes[colon + 1] !== SP || from !== colon + 2 || to !== next) this.canonical = false;
        this.#keep(at - base, next + 2 - base);
      }
      at = next + 2;
    }
    return this.count > MAX_FIELDS ? TOO_MANY_FIELDS : null;
  }

  cut(names: string[], values: string[]): void {
    const { text, stretches } = this;
    for (let i = 0; i < stretches.length; i += 2) {
      for (let at = stretches[i]!; at < stretches[i + 1]!;) {
        const colon = text.indexOf(":", at);
        const end = text.indexOf("\r\n", colon);
        names.push(text.slice(at, colon));
        values.push(trimmed(text, colon + 1, end));
        at = end + 2;
      }
    }
  }

  /** None of the names that are told apart below has a `_`; some may be meant by one. */
  #kindOfDisguise(name: string): Kind {
    return this.#from === "client" && isDisguised(name) ? Kind.dropped : Kind.plain;
  }

  #keep(from: number, to: number): void {
    const { stretches } = this;
    this.count++;
    if (stretches.length > 0 && stretches[stretches.length - 1] === from) stretches[stretches.length - 1] = to;
    else stretches.push(from, to);
  }

  /** Fields that go on as they are and that somebody will ask for. */
  #note(kind: Kind, bytes: Uint8Array, from: number): void {
    if (kind === Kind.contentType) this.eventStream = isName(bytes, from, EVENT_STREAM);
    else this.seen |= kind === Kind.via ? Watched.via : kind === Kind.requestId ? Watched.requestId : Watched.forwarded;
  }

  #sort(kind: Kind, value: string): Fault | null {
    switch (kind) {
      case Kind.host:
        // RFC 9112 §3.2: more than one Host is a 400.
        if (this.host !== null) return "repeated Host";
        this.host = value;
        return null;
      case Kind.contentLength:
        // RFC 9112 §6.3(5) allows to collapse equal values; one number said once leaves nothing to collapse.
        if (this.contentLength >= 0) return "repeated Content-Length";
        this.contentLength = parseContentLength(value);
        if (value.length > 1 && value.startsWith("0")) this.canonical = false;
        return this.contentLength < 0 ? "malformed Content-Length" : null;
      case Kind.expect:
        this.expect = joined(this.expect, value);
        return null;
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
  }
}

/** In three groups: what goes on, some of it read here; what does not; what goes on and is noted. */
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
  contentType,
  via,
  requestId,
  forwarded,
}

// By length first: most fields are none of these and are told apart by one comparison.
function kindOf(bytes: Uint8Array, at: number, length: number): Kind {
  switch (length) {
    case 2:
      return isName(bytes, at, TE) ? Kind.te : Kind.plain;
    case 3:
      return isName(bytes, at, VIA) ? Kind.via : Kind.plain;
    case 4:
      return isName(bytes, at, HOST) ? Kind.host : Kind.plain;
    case 6:
      return isName(bytes, at, EXPECT) ? Kind.expect : Kind.plain;
    case 7:
      return isName(bytes, at, UPGRADE) ? Kind.upgrade : Kind.plain;
    case 9:
      return isName(bytes, at, X_REAL_IP) || isName(bytes, at, FORWARDED) ? Kind.forwarded : Kind.plain;
    case 10:
      if (isName(bytes, at, CONNECTION)) return Kind.connection;
      return isName(bytes, at, KEEP_ALIVE) ? Kind.dropped : Kind.plain;
    case 12:
      if (isName(bytes, at, CONTENT_TYPE)) return Kind.contentType;
      return isName(bytes, at, X_REQUEST_ID) ? Kind.requestId : Kind.plain;
    case 14:
      if (isName(bytes, at, CONTENT_LENGTH)) return Kind.contentLength;
      return isName(bytes, at, X_FORWARDED) ? Kind.forwarded : Kind.plain;
    case 16:
      if (isName(bytes, at, PROXY_CONNECTION)) return Kind.dropped;
      return isName(bytes, at, X_FORWARDED) ? Kind.forwarded : Kind.plain;
    case 17:
      if (isName(bytes, at, TRANSFER_ENCODING)) return Kind.transferEncoding;
      return isName(bytes, at, X_FORWARDED) ? Kind.forwarded : Kind.plain;
    default:
      return length > 12 && isName(bytes, at, X_FORWARDED) ? Kind.forwarded : Kind.plain;
  }
}

function nameFault(first: number, stop: number): Fault {
  // RFC 9112 §5.2: a server must reject obs-fold or unfold it; unfolding is a second reading.
  if (first === SP || first === HTAB) return "folded field line";
  if (first === COLON) return "empty field name";
  // RFC 9112 §5.1: white space before the colon is a 400.
  return stop === SP || stop === HTAB ? "white space in a field name" : "invalid field name";
}

// OWS is SP and HTAB only (RFC 9110 §5.6.3); `trim` would also take NBSP, which is obs-text here.
function trimmed(text: string, from: number, to: number): string {
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === SP || code === HTAB;
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
