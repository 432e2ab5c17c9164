import { GatewayError } from "../../model/gateway-error.ts";
import { CR, LF } from "./octets.ts";

const BLANK_LINE = Buffer.from("\r\n\r\n");

/** Empty lines a peer may send before a request-line, left over from old clients (RFC 9112 §2.2). */
const MAX_EMPTY_LINES = 4;

export interface ScanLimits {
  readonly maxHeadBytes: number;
  /** Before a request they are skipped; before a response they are refused with the rest of the head. */
  readonly emptyLines: "skip" | "refuse";
}

/**
 * Finds where a head ends in bytes that come in pieces. It keeps no bytes: the caller does, and shows all of the message so far
 * each time; octets that were looked at are not looked at again. One scanner serves one message after the other.
 */
export class HeadScanner {
  readonly #limits: ScanLimits;
  /** Octets of this message that were searched; relative to its first one. */
  #searched = 0;
  #skipped = 0;
  /** Where the head starts, past empty lines; of the last `scan`. */
  start = 0;

  constructor(limits: ScanLimits) {
    this.#limits = limits;
  }

  /**
   * @param bytes everything that has come; nothing after its end is looked at
   * @param from where the message starts in it
   * @returns the index of the CR LF CR LF that ends the head (the body starts 4 later), -1 when more must come, or a failure
   */
  scan(bytes: Buffer, from: number): number | GatewayError {
    if (this.#limits.emptyLines === "skip" && bytes[from + this.#skipped] === CR) {
      const fault = this.#skipEmptyLines(bytes, from);
      if (fault !== null) return fault;
    }
    const start = (this.start = from + this.#skipped);
    // The blank line may have begun in the part that was searched before.
    const end = bytes.indexOf(BLANK_LINE, Math.max(start, from + this.#searched - 3));
    // Without an end, the last three octets may be the beginning of the blank line.
    const size = (end < 0 ? bytes.length - 3 : end) - start;
    if (size > this.#limits.maxHeadBytes) return this.#tooLarge(bytes, start);
    if (end >= 0) {
      this.reset();
      return end;
    }
    if (hasBareLineFeed(bytes, start, from + this.#searched))
      return new GatewayError("bad_request", "bare LF in the head");
    this.#searched = bytes.length - from;
    return -1;
  }

  /** Forgets a message that was given up. */
  reset(): void {
    this.#searched = 0;
    this.#skipped = 0;
  }

  #skipEmptyLines(bytes: Buffer, from: number): GatewayError | null {
    let at = from + this.#skipped;
    while (bytes[at] === CR && bytes[at + 1] === LF) at += 2;
    this.#skipped = at - from;
    if (this.#searched < this.#skipped) this.#searched = this.#skipped;
    if (this.#skipped > 2 * MAX_EMPTY_LINES)
      return new GatewayError("bad_request", "too many empty lines before a request");
    return null;
  }

  // RFC 9112 §3: an overlong request-line has a status of its own.
  #tooLarge(bytes: Buffer, start: number): GatewayError {
    const line = bytes.subarray(start, start + this.#limits.maxHeadBytes).indexOf("\r\n");
    const detail = `head over ${this.#limits.maxHeadBytes} bytes`;
    return new GatewayError(
      line < 0 && this.#limits.emptyLines === "skip" ? "uri_too_long" : "header_too_large",
      detail,
    );
  }
}

// RFC 9112 §2.2 lets a recipient take a bare LF for a line end; we do not, so a head that uses them would never end. Saying so
// at once beats waiting for the clock.
function hasBareLineFeed(bytes: Buffer, start: number, searched: number): boolean {
  for (let at = bytes.indexOf(LF, Math.max(start, searched)); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (at === start || bytes[at - 1] !== CR) return true;
  }
  return false;
}
