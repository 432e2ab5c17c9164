import "./latin1.ts";
import { type HeaderMap, sameName } from "../../model/header-map.ts";
import { type Framing, NO_BODY } from "./body-framing.ts";
import { FieldSection } from "./field-section.ts";
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

  /**
   * Fields that nobody has touched since they were parsed: their lines as they stand, what was pushed behind them.
   * @returns false when they must be written one by one: because they are cut, or because a line has to change.
   */
  #addUncut(headers: HeaderMap, framing: Framing, authority: string | null): boolean {
    const { uncut } = headers;
    if (!(uncut instanceof FieldSection) || !uncut.canonical) return false;
    if (authority !== null && uncut.host !== authority) return false;
    if (framing >= 0 ? uncut.contentLength !== framing : uncut.contentLength >= 0 && framing !== NO_BODY) return false;
    const { text, stretches } = uncut;
    for (let i = 0; i < stretches.length; i += 2) this.#addText(text.slice(stretches[i], stretches[i + 1]));
    this.count += uncut.count;
    const names = headers.pushedNames;
    for (let i = 0; i < names.length; i++) this.add(names[i]!, headers.pushedValues[i]!);
    return true;
  }

  #addText(text: string): void {
    if (this.at + text.length + LINE_END_BYTES > this.#buf.length) this.fits = false;
    else if (text.length > 0) this.at += this.#buf.latin1Write(text, this.at);
  }

  /** The empty line after the fields; `add` has left room for it. */
  end(): void {
    this.#buf[this.at++] = CR;
    this.#buf[this.at++] = LF;
  }

  /** The fields of a request, Host and Content-Length in their places but with the values that hold. */
  addRequestFields(headers: HeaderMap, authority: string, framing: Framing): void {
    this.vouched = headers.fromCodec;
    if (this.#addUncut(headers, framing, authority)) return;
    if (headers.indexOf("host") < 0) this.add("Host", authority);
    let hosts = 0;
    let length = framing >= 0 ? String(framing) : null;
    const names = headers.rawNames;
    const values = headers.rawValues;
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
    if (this.#addUncut(headers, framing, null)) return;
    let length = framing >= 0 ? String(framing) : null;
    const names = headers.rawNames;
    const values = headers.rawValues;
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
      return sameName(name, "te") ? Place.owned : Place.plain;
    case 4:
      return sameName(name, "host") ? Place.host : Place.plain;
    case 7:
      return sameName(name, "upgrade") ? Place.owned : Place.plain;
    case 10:
      return sameName(name, "connection") || sameName(name, "keep-alive") ? Place.owned : Place.plain;
    case 14:
      return sameName(name, "content-length") ? Place.length : Place.plain;
    case 16:
      return sameName(name, "proxy-connection") ? Place.owned : Place.plain;
    case 17:
      return sameName(name, "transfer-encoding") ? Place.owned : Place.plain;
    default:
      return Place.plain;
  }
}
