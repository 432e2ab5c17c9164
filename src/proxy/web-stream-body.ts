import type { Body, BodyDone, Sink } from "../model/body.ts";
import type { GatewayError } from "../model/gateway-error.ts";
import { collect } from "./body-stream.ts";
import type { Ticked, Ticker } from "./ticker.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A Request or a Response: its stream is made when somebody first asks for it, and small messages never have one. */
export interface WebMessage {
  readonly body: ReadableStream<Bytes> | null;
}

/** Where a body comes from: when it counts as stuck, and what its errors mean. One object a message, not a closure a rule. */
export interface BodySource {
  readonly ticker: Ticker;
  /** Between two reads, while somebody waits for bytes; null: never. */
  readonly idleMs: number | null;
  idleError(): GatewayError;
  readError(cause: unknown): GatewayError;
  /** Called once when the body is over, however it ended; stops whatever feeds it when there is an error. */
  bodyOver(error?: GatewayError): void;
}

/** A body of known length that arrived complete is kept up to this size, so that it can be sent again. */
const KEEP_BYTES = 64 * 1024;

type Read = Bun.ReadableStreamDefaultReadManyResult<Bytes>;

/** Bun's readers hand out everything that has arrived in one call, without a promise when there is something. */
interface ManyReader {
  readMany(): Promise<Read> | Read;
  cancel(reason: unknown): Promise<void>;
}

/** Bytes that come out of a web stream. */
export class StreamBody implements Body, Ticked {
  readonly length: number | null;
  readonly trailers = null;
  tickSlot = -1;
  readonly #message: WebMessage;
  readonly #source: BodySource;
  #reader: ManyReader | null = null;
  /** What `atOnce` read in vain. */
  #first: Read | Promise<Read> | null = null;
  #sink: Sink | null = null;
  #done: BodyDone | null = null;
  #kept: Bytes | null = null;
  #error: GatewayError | null = null;
  #received = 0;
  #waitingSince = 0;
  #used = false;
  #over = false;

  /** @param whole all of its bytes, when they have arrived and been taken out of `message` already. */
  constructor(message: WebMessage, length: number | null, source: BodySource, whole: Bytes | null = null) {
    this.#message = message;
    this.length = length;
    this.#source = source;
    this.#kept = whole;
    this.#over = whole !== null;
  }

  get used(): boolean {
    return this.#used;
  }

  /** Bytes that were handed out so far. */
  get received(): number {
    return this.#kept === null ? this.#received : this.#kept.byteLength;
  }

  pipeTo(sink: Sink, done: BodyDone): void {
    if (this.#kept !== null) return deliver(this.#kept, sink, done);
    if (this.#error !== null) {
      sink.abort(this.#error);
      return done(this.#error);
    }
    this.#sink = sink;
    this.#done = done;
    if (this.#reader === null && !this.#open()) return this.#finish();
    this.#pump();
  }

  /** The whole body if it has arrived already: the short way of small replies. Else null, and it is to be piped. */
  atOnce(): Bytes | null {
    if (this.#kept !== null) return this.#kept;
    if (this.#over || this.length === null || this.length > KEEP_BYTES || this.#reader !== null || !this.#open())
      return null;
    const read = this.#reader!.readMany();
    if (read instanceof Promise || !this.#isComplete(read.value ?? [])) {
      this.#first = read;
      return null;
    }
    this.#kept = read.value[0]!;
    this.#over = true;
    this.#source.bodyOver();
    return this.#kept;
  }

  #open(): boolean {
    const stream = this.#message.body;
    if (stream === null) return false;
    this.#reader = stream.getReader() as unknown as ManyReader;
    return true;
  }

  cancel(why: GatewayError): void {
    if (this.#over) return;
    this.#fail(why);
  }

  stream(): ReadableStream<Uint8Array> {
    if (this.#kept !== null) return new Response(this.#kept).body!;
    this.#used = true;
    return this.#message.body ?? new Response("").body!;
  }

  bytes(limit: number): Promise<Uint8Array> {
    return collect(this, limit);
  }

  onTick(now: number): void {
    const { idleMs } = this.#source;
    // The first tick after a read started sets the time: nothing reads the clock for each chunk.
    if (this.#waitingSince === 0) this.#waitingSince = now;
    else if (idleMs !== null && now - this.#waitingSince >= idleMs) this.#fail(this.#source.idleError());
  }

  /** Takes what is there; waits for more with one promise; stops while the sink is full. */
  #pump(): void {
    while (!this.#over) {
      let read: Read | Promise<Read>;
      try {
        read = this.#first ?? this.#reader!.readMany();
        this.#first = null;
      } catch (cause) {
        return this.#fail(this.#source.readError(cause));
      }
      if (read instanceof Promise) {
        if (this.#source.idleMs !== null) this.#source.ticker.add(this);
        this.#waitingSince = 0;
        read.then(
          (more) => this.#onRead(more),
          (cause: unknown) => this.#fail(this.#source.readError(cause)),
        );
        return;
      }
      if (!this.#take(read)) return;
    }
  }

  #onRead(read: Read): void {
    // Not waiting any more: a full sink may take as long as it likes.
    this.#source.ticker.remove(this);
    if (!this.#over && this.#take(read)) this.#pump();
  }

  /** @returns true to go on reading. */
  #take(read: Read): boolean {
    const chunks = read.value ?? [];
    const sink = this.#sink!;
    if (this.#isComplete(chunks)) {
      this.#kept = chunks[0]!;
      this.#finish();
      return false;
    }
    let ready = true;
    for (let i = 0; i < chunks.length && !this.#over; i++) {
      this.#received += chunks[i]!.byteLength;
      this.#used = true;
      ready = sink.write(chunks[i]!);
    }
    if (this.#over) return false;
    if (read.done || this.#received === this.length) {
      this.#finish();
      return false;
    }
    if (!ready) sink.onDrain = () => this.#pump();
    return ready;
  }

  /** Everything was there at once: then there is no end of stream to wait for, and the bytes can be kept for another try. */
  #isComplete(chunks: Bytes[]): boolean {
    return !this.#used && chunks.length === 1 && chunks[0]!.byteLength === this.length && this.length <= KEEP_BYTES;
  }

  #finish(): void {
    if (this.length !== null && this.#kept === null && this.#received < this.length) {
      return this.#fail(this.#source.readError(new Error(`${this.#received} of ${this.length} bytes came`)));
    }
    this.#over = true;
    this.#source.bodyOver();
    const sink = this.#sink!;
    const done = this.#done!;
    this.#release();
    if (this.#kept !== null) return deliver(this.#kept, sink, done);
    sink.end();
    done();
  }

  #fail(error: GatewayError): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#source.ticker.remove(this);
    this.#source.bodyOver(error);
    this.#reader?.cancel(error).catch(ignore);
    const sink = this.#sink;
    const done = this.#done;
    this.#release();
    sink?.abort(error);
    done?.(error);
  }

  #release(): void {
    if (this.#sink !== null) this.#sink.onDrain = null;
    this.#sink = null;
    this.#done = null;
  }
}

function deliver(bytes: Bytes, sink: Sink, done: BodyDone): void {
  if (bytes.byteLength > 0) sink.write(bytes);
  sink.end();
  done();
}

function ignore(): void {}
