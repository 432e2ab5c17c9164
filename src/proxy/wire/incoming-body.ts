import type { Body, BodyDone, Sink } from "../../model/body.ts";
import type { GatewayError } from "../../model/gateway-error.ts";
import type { HeaderMap } from "../../model/header-map.ts";
import { bodyStream, collect } from "../body-stream.ts";
import { CHUNKED, type Framing, UNTIL_CLOSE } from "../http1/body-framing.ts";
import { ChunkedDecoder, type ChunkedLimits } from "../http1/chunked-decoder.ts";

/** The connection a body comes from. */
export interface BodySource {
  pauseBody(): void;
  resumeBody(): void;
  /** The last octet was handed on, or the body failed; `rest` is what came behind it, valid during the call only. */
  bodyEnded(error: GatewayError | null, rest: Buffer | null): void;
  /** Whoever wanted the body does not any more; the rest of it is still to come. */
  bodyUnwanted(why: GatewayError): void;
}

const NOWHERE: Sink = { write: () => true, end: () => undefined, abort: () => undefined, onDrain: null };

/** How much of a body waits here until somebody asks for it, before its connection is paused. */
const HELD_BYTES = 64 * 1024;

/**
 * A body that arrives on a socket: unframed octet by octet and handed to its sink as views of what was read. Until somebody
 * pipes it, a bounded part waits and then the connection is paused.
 */
export class IncomingBody implements Body, Pick<Sink, "write"> {
  readonly length: number | null;
  /** Octets handed on so far, without framing. */
  size = 0;
  trailers: HeaderMap | null = null;
  used = false;
  ended = false;
  paused = false;
  readonly #source: BodySource;
  readonly #decoder: ChunkedDecoder | null;
  /** Of a length-delimited body: octets to come; infinite until the connection closes. */
  #left: number;
  #held: Buffer | null = null;
  /** What came with the head, not yet copied: valid while the head is being handled. */
  #window: Buffer | null = null;
  #windowFrom = 0;
  #sink: Sink | null = null;
  #done: BodyDone | null = null;
  #full = false;
  /** After FIN: what a body that is not complete by then fails with. */
  #cut: GatewayError | null = null;

  constructor(framing: Framing, source: BodySource, limits: ChunkedLimits) {
    this.length = framing >= 0 ? framing : null;
    this.#source = source;
    this.#decoder = framing === CHUNKED ? new ChunkedDecoder(limits) : null;
    this.#left = framing >= 0 ? framing : framing === UNTIL_CLOSE ? Number.POSITIVE_INFINITY : 0;
  }

  // ---- from the connection ----

  /** Octets that came with the head, from `from` on: handed on without a copy if the body is piped before `settle`. */
  offer(bytes: Buffer, from: number): void {
    this.#window = bytes;
    this.#windowFrom = from;
  }

  /** The head was handled: what nobody took is kept. */
  settle(): void {
    const window = this.#window;
    this.#window = null;
    if (window !== null && window.byteLength > this.#windowFrom) this.#hold(window.subarray(this.#windowFrom));
  }

  /** Takes what was read next. What does not belong to the body goes back with `bodyEnded`. */
  feed(bytes: Buffer): void {
    if (this.ended) return;
    if (this.#sink === null) return this.#hold(bytes);
    this.#take(bytes, 0);
  }

  /** FIN: ends an until-close body and cuts any other, once what waits here has been taken. */
  finished(cut: GatewayError): void {
    if (this.ended || this.#cut !== null) return;
    this.#cut = cut;
    if (this.#sink !== null) this.#endOfInput(cut);
  }

  /** The connection is lost; what came whole before it is not. */
  closed(error: GatewayError): void {
    if (!this.ended && this.#cut === null) this.#fail(error);
  }

  // ---- from whoever wants it ----

  pipeTo(sink: Sink, done: BodyDone): void {
    this.used = true;
    this.#sink = sink;
    this.#done = done;
    const held = this.#held;
    const window = this.#window;
    this.#held = null;
    this.#window = null;
    if (held !== null) this.#take(held, 0);
    else if (window !== null) this.#take(window, this.#windowFrom);
    else if (this.#left === 0 && this.#decoder === null && !this.ended) this.#finish(null);
    if (this.#cut !== null && !this.ended) this.#endOfInput(this.#cut);
    if (!this.ended && this.paused && !this.#full) this.#resume();
  }

  cancel(why: GatewayError): void {
    if (this.ended) return;
    this.#settleWith(why);
    this.#source.bodyUnwanted(why);
  }

  /** Reads it away. */
  discard(): void {
    this.pipeTo(NOWHERE, () => undefined);
  }

  stream(): ReadableStream<Uint8Array> {
    return bodyStream(this);
  }

  bytes(limit: number): Promise<Uint8Array> {
    return collect(this, limit);
  }

  // ---- inside ----

  #endOfInput(cut: GatewayError): void {
    if (this.#left === Number.POSITIVE_INFINITY) this.#finish(null);
    else this.#fail(cut);
  }

  #hold(bytes: Buffer): void {
    this.#held = this.#held === null ? Buffer.from(bytes) : Buffer.concat([this.#held, bytes]);
    if (this.#held.byteLength >= HELD_BYTES) this.#pause();
  }

  #take(bytes: Buffer, from: number): void {
    const end =
      this.#decoder === null ? this.#takePlain(bytes, from) : this.#decoder.feed(bytes, from, bytes.byteLength, this);
    if (this.ended) return;
    const failure = this.#decoder?.failure ?? null;
    if (failure !== null) return this.#fail(failure);
    const complete = this.#decoder === null ? this.#left === 0 : this.#decoder.done;
    if (complete) return this.#finish(end < bytes.byteLength ? bytes.subarray(end) : null);
    if (this.#full) this.#waitForSink();
  }

  #takePlain(bytes: Buffer, from: number): number {
    const size = Math.min(bytes.byteLength - from, this.#left);
    const end = from + size;
    this.#left -= size;
    const sink = this.#sink;
    if (size > 0 && sink?.writePart !== undefined) {
      this.size += size;
      if (!sink.writePart(bytes, from, end)) this.#full = true;
    } else if (size > 0) {
      this.write(bytes.subarray(from, end));
    }
    return end;
  }

  /** The decoder's way to the sink. */
  write(data: Uint8Array): boolean {
    this.size += data.byteLength;
    const sink = this.#sink;
    // Cancelled in the middle of a chunked read: the rest of it goes nowhere.
    if (sink === null) return true;
    if (!sink.write(data)) this.#full = true;
    return true;
  }

  #waitForSink(): void {
    this.#pause();
    this.#sink!.onDrain = () => {
      this.#full = false;
      if (!this.ended) this.#resume();
    };
  }

  #pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.#source.pauseBody();
  }

  #resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.#source.resumeBody();
  }

  #finish(rest: Buffer | null): void {
    this.ended = true;
    this.trailers = this.#decoder?.trailers ?? null;
    const done = this.#done!;
    this.#sink!.end(this.trailers);
    this.#sink = null;
    done();
    this.#resume();
    this.#source.bodyEnded(null, rest);
  }

  #fail(error: GatewayError): void {
    this.#settleWith(error);
    this.#source.bodyEnded(error, null);
  }

  #settleWith(error: GatewayError): void {
    this.ended = true;
    this.#held = null;
    const sink = this.#sink;
    const done = this.#done;
    this.#sink = null;
    sink?.abort(error);
    done?.(error);
  }
}
