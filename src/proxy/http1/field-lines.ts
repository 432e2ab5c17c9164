import "./latin1.ts";
import type { HeaderMap } from "../../model/header-map.ts";
import { type Framing, NO_BODY } from "./body-framing.ts";
import { COLON, CR, LF, SP } from "./octets.ts";

const LINE_END_BYTES = 2;

/**
 * The field lines of a head on their way into a buffer. Each string is copied in by itself: putting the head together as one string
 * first costs a fifth more (`bench/micro/http1.ts`, from parse to write), because most of these strings are slices that nobody has looked at yet.
 */
export class FieldLines {
  readonly #buf: Buffer;
  /** Where the next line goes; nothing more is written once a line did not fit. */
  at: number;
  fits = true;
  count = 0;
  /** Every field comes from the codec's own parser. */
  vouched = false;

  constructor(buf: Buffer, at: number) {
    this.#buf = buf;
    this.at = at;
  }

  add(name: string, value: string): void {
    const buf = this.#buf;
    let at = this.at;
    if (at + name.length + value.length + 4 + LINE_END_BYTES > buf.length) {
      this.fits = false;
      return;
    }
    at += buf.latin1Write(name, at);
    buf[at] = COLON;
    buf[at + 1] = SP;
    at += 2;
    at += buf.latin1Write(value, at);
    buf[at] = CR;
    buf[at + 1] = LF;
    this.at = at + 2;
    this.count++;
  }

  /** The empty line after the fields; `add` has left room for it. */
  end(): void {
    this.#buf[this.at++] = CR;
    this.#buf[this.at++] = LF;
  }

  /** The fields of a request, Host and Content-Length in their places but with the values that hold. */
  addRequestFields(headers: HeaderMap, authority: string, framing: Framing): void {
    const names = headers.rawNames;
    const values = headers.rawValues;
    this.vouched = headers.fromCodec;
    let hosts = 0;
    let length = framing >= 0 ? String(framing) : null;
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!;
      switch (placeOf(name)) {
        case Place.plain:
          this.add(name, values[i]!);
          break;
        case Place.host:
          if (hosts++ === 0) this.add(name, authority);
          break;
        case Place.length:
          // `Content-Length: 0` without a body says what its absence says (RFC 9112 §6.3), and servers that insist on it exist.
          if (length === null && framing === NO_BODY && Number(values[i]) === 0) length = "0";
          if (length !== null) this.add(name, length);
          length = null;
          break;
        default:
      }
    }
    if (length !== null) this.add("Content-Length", length);
  }

  /** The fields of a response. */
  addResponseFields(headers: HeaderMap, framing: Framing): void {
    this.vouched = headers.fromCodec;
    const names = headers.rawNames;
    const values = headers.rawValues;
    let length = framing >= 0 ? String(framing) : null;
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!;
      switch (placeOf(name)) {
        case Place.plain:
        case Place.host:
          this.add(name, values[i]!);
          break;
        case Place.length:
          if (framing === NO_BODY) this.add(name, values[i]!);
          else if (length !== null) this.add(name, length);
          length = null;
          break;
        default:
      }
    }
    if (length !== null) this.add("Content-Length", length);
  }
}

const enum Place {
  plain,
  host,
  length,
  /** The codec's own (RFC 9110 §7.6.1): never copied, whoever put it there. */
  owned,
}

// By length and first letter, as in the parser: X-Forwarded-Proto is as long as Transfer-Encoding.
function placeOf(name: string): Place {
  switch (name.length) {
    case 2:
      return isCalled(name, "te") ? Place.owned : Place.plain;
    case 4:
      return isCalled(name, "host") ? Place.host : Place.plain;
    case 7:
      return isCalled(name, "upgrade") ? Place.owned : Place.plain;
    case 10:
      return isCalled(name, "connection") || isCalled(name, "keep-alive") ? Place.owned : Place.plain;
    case 14:
      return isCalled(name, "content-length") ? Place.length : Place.plain;
    case 16:
      return isCalled(name, "proxy-connection") ? Place.owned : Place.plain;
    case 17:
      return isCalled(name, "transfer-encoding") ? Place.owned : Place.plain;
    default:
      return Place.plain;
  }
}

function isCalled(name: string, lower: string): boolean {
  return (name.charCodeAt(0) | 0x20) === lower.charCodeAt(0) && name.toLowerCase() === lower;
}
