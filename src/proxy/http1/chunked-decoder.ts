import type { Sink } from "../../model/body.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import { HeaderMap } from "../../model/header-map.ts";
import { CR, FIELD_VALUE, HEX_VALUE, HTAB, LF, SEMICOLON, SP } from "./octets.ts";
import { parseTrailers } from "./trailers.ts";

/** Leading zeros are legal; a size line of nothing else is not worth reading. */
const MAX_SIZE_DIGITS = 16;
/** Chunk extensions of one body: nobody uses them but to make a receiver work (compare CVE-2023-39326). */
const MAX_EXTENSION_BYTES = 16 * 1024;
const BLANK_LINE = Buffer.from("\r\n\r\n", "latin1");
const LINE_END = Buffer.from("\r\n", "latin1");

export interface ChunkedLimits {
  readonly maxTrailerBytes: number;
  /** What a malformed body is called: it depends on who sent it. */
  readonly fault: "bad_request" | "upstream_bad_response";
}

const enum State {
  size,
  /** White space that an extension must follow (BWS, RFC 9112 §7.1.1). */
  blank,
  extension,
  sizeLineFeed,
  data,
  dataReturn,
  dataLineFeed,
  trailers,
  done,
  failed,
}

/**
 * Decodes a chunked body (RFC 9112 §7.1) that comes in pieces; however it is cut, the same octets come out. Data goes on as
 * views of what came in, extensions are dropped (§7.1.1), trailers are kept until the end.
 */
export class ChunkedDecoder {
  readonly #limits: ChunkedLimits;
  #state: State = State.size;
  /** Of the size line: the size so far. Of the data: octets to come. */
  #left = 0;
  #digits = 0;
  #extensionBytes = 0;
  /** The CR LF of the last chunk's size line and what has come of the trailer section; null before. */
  #pending: Buffer | null = null;
  /** The sink's last answer was to wait. */
  full = false;
  failure: GatewayError | null = null;
  /** After the end, if there were any. */
  trailers: HeaderMap | null = null;

  constructor(limits: ChunkedLimits) {
    this.#limits = limits;
  }

  get done(): boolean {
    return this.#state === State.done;
  }

  /**
   * Takes octets from `from` to `to` and writes data to `out`, which must take it all.
   * @returns the index after the last octet it took: `to`, or less when the body has ended or `failure` is set
   */
  feed(bytes: Buffer, from: number, to: number, out: Pick<Sink, "write">): number {
    let at = from;
    while (at < to && this.#state < State.done) {
      switch (this.#state) {
        case State.data:
          at = this.#data(bytes, at, to, out);
          break;
        case State.size:
          at = this.#size(bytes, at, to);
          break;
        case State.extension:
          at = this.#extension(bytes, at, to);
          break;
        case State.trailers:
          at = this.#trailerSection(bytes, at, to);
          break;
        default:
          this.#delimiter(bytes[at++]!);
      }
    }
    return at;
  }

  #data(bytes: Buffer, at: number, to: number, out: Pick<Sink, "write">): number {
    const end = to - at < this.#left ? to : at + this.#left;
    this.#left -= end - at;
    if (this.#left === 0) this.#state = State.dataReturn;
    this.full = !out.write(bytes.subarray(at, end));
    return end;
  }

  #size(bytes: Buffer, at: number, to: number): number {
    for (; at < to; at++) {
      const octet = bytes[at]!;
      const digit = HEX_VALUE[octet]!;
      if (digit === 255) return this.#sizeEnd(octet, at);
      this.#left = this.#left * 16 + digit;
      if (++this.#digits > MAX_SIZE_DIGITS || this.#left > Number.MAX_SAFE_INTEGER)
        return this.#fail("chunk size too large", at);
    }
    return at;
  }

  #sizeEnd(octet: number, at: number): number {
    if (this.#digits === 0) return this.#fail("chunk size is not hexadecimal", at);
    if (octet === CR) this.#state = State.sizeLineFeed;
    else if (octet === SEMICOLON) this.#state = State.extension;
    else if (octet === SP || octet === HTAB) this.#state = State.blank;
    else return this.#fail("malformed chunk size", at);
    return at + 1;
  }

  #extension(bytes: Buffer, at: number, to: number): number {
    const start = at;
    while (at < to && FIELD_VALUE[bytes[at]!] === 1) at++;
    this.#extensionBytes += at - start;
    if (this.#extensionBytes > MAX_EXTENSION_BYTES) return this.#fail("chunk extensions too large", at);
    if (at === to) return at;
    // A bare LF here is a line end to some and extension data to others: the oldest way to smuggle with chunks.
    if (bytes[at] !== CR) return this.#fail("control character in a chunk extension", at);
    this.#state = State.sizeLineFeed;
    return at + 1;
  }

  /** The states that look at one octet. */
  #delimiter(octet: number): void {
    switch (this.#state) {
      case State.blank:
        if (++this.#extensionBytes > MAX_EXTENSION_BYTES) this.#fail("chunk extensions too large", 0);
        else if (octet === SEMICOLON) this.#state = State.extension;
        else if (octet !== SP && octet !== HTAB) this.#fail("white space after a chunk size", 0);
        return;
      case State.sizeLineFeed:
        if (octet !== LF) this.#fail("bare CR in a chunk size line", 0);
        else this.#state = this.#left > 0 ? State.data : State.trailers;
        return;
      case State.dataReturn:
        if (octet !== CR) this.#fail("chunk data longer than its size", 0);
        else this.#state = State.dataLineFeed;
        return;
      default:
        if (octet !== LF) this.#fail("bare CR after chunk data", 0);
        this.#digits = 0;
        if (octet === LF) this.#state = State.size;
    }
  }

  #trailerSection(bytes: Buffer, at: number, to: number): number {
    if (this.#pending === null && bytes[at] === CR && at + 1 < to && bytes[at + 1] === LF) {
      this.#state = State.done;
      return at + 2;
    }
    const before = this.#pending ?? LINE_END;
    // Room for the section and the blank line after it, the first CR LF of which may be the one it starts with.
    const room = this.#limits.maxTrailerBytes + 2 * BLANK_LINE.length - before.length;
    const pending = (this.#pending = Buffer.concat([before, bytes.subarray(at, Math.min(to, at + room))]));
    const end = pending.indexOf(BLANK_LINE, Math.max(0, before.length - 3));
    if (end < 0) {
      return to - at >= room ? this.#fail("trailers too large", at) : to;
    }
    if (end > 0) {
      const parsed = parseTrailers(pending, LINE_END.length, end);
      if (!(parsed instanceof HeaderMap)) return this.#fail(`${parsed} in the trailers`, at);
      if (parsed.size > 0) this.trailers = parsed;
    }
    this.#state = State.done;
    return at + end + BLANK_LINE.length - before.length;
  }

  #fail(detail: string, at: number): number {
    this.#state = State.failed;
    this.failure = new GatewayError(this.#limits.fault, detail);
    return at;
  }
}
