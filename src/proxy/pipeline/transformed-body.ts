import type { ChunkTransform } from "../../contract/hooks.ts";
import type { Body, BodyDone, Sink } from "../../model/body.ts";
import type { GatewayError } from "../../model/gateway-error.ts";
import { bodyStream, collect } from "../body-stream.ts";

/** Turns what a transform threw into why the body is cut short. */
export type TransformFailed = (cause: unknown) => GatewayError;

/** A body whose chunks go through a plugin. Its length is not known before its end. */
export class TransformedBody implements Body {
  readonly length = null;
  readonly trailers = null;
  readonly #inner: Body;
  readonly #transform: ChunkTransform;
  readonly #failed: TransformFailed;
  #used = false;
  #through: TransformSink | null = null;

  constructor(inner: Body, transform: ChunkTransform, failed: TransformFailed) {
    this.#inner = inner;
    this.#transform = transform;
    this.#failed = failed;
  }

  // A transform may keep state: its body can be sent once.
  get used(): boolean {
    return this.#used;
  }

  pipeTo(sink: Sink, done: BodyDone): void {
    this.#used = true;
    const through = new TransformSink(this.#inner, this.#transform, sink, this.#failed);
    this.#through = through;
    through.done = done;
    this.#inner.pipeTo(through, (error) => through.sourceDone(error));
  }

  cancel(why: GatewayError): void {
    this.#inner.cancel(why);
    // The inner body may have ended while its transform has not.
    this.#through?.abort(why);
  }

  stream(): ReadableStream<Uint8Array> {
    return bodyStream(this);
  }

  bytes(limit: number): Promise<Uint8Array> {
    return collect(this, limit);
  }
}

/**
 * Between a body and its sink: hands each chunk to the transform and what that pushes to the sink. While a chunk's promise is
 * pending, or the sink is full, the source is held.
 */
class TransformSink implements Sink {
  onDrain: (() => void) | null = null;
  done: BodyDone = () => undefined;
  readonly #source: Body;
  readonly #transform: ChunkTransform;
  readonly #sink: Sink;
  readonly #failed: TransformFailed;
  readonly #push: (bytes: Uint8Array) => void;
  #ready = true;
  #busy = false;
  /** Chunks that came although they were asked to wait. */
  #waiting: Uint8Array[] = [];
  #ending = false;
  #over = false;

  constructor(source: Body, transform: ChunkTransform, sink: Sink, failed: TransformFailed) {
    this.#source = source;
    this.#transform = transform;
    this.#sink = sink;
    this.#failed = failed;
    this.#push = (bytes) => {
      if (this.#over || bytes.byteLength === 0) return;
      this.#ready = this.#sink.write(bytes);
    };
  }

  write(chunk: Uint8Array): boolean {
    if (this.#over) return true;
    // The producer's memory: the transform owns what it gets.
    const own = chunk.slice();
    if (this.#busy) this.#waiting.push(own);
    else this.#take(own);
    return this.#mayGoOn();
  }

  end(): void {
    this.#ending = true;
    if (!this.#busy && !this.#over) this.#finish();
  }

  abort(why: GatewayError): void {
    this.#cut(why);
  }

  /** The source says how it went; a clean end is reported when the transform has ended, too. */
  sourceDone(error?: GatewayError): void {
    if (error !== undefined) this.#cut(error);
  }

  #take(chunk: Uint8Array): void {
    this.#run(() => this.#transform.chunk(chunk, this.#push));
  }

  #finish(): void {
    if (this.#transform.end === undefined) return this.#close();
    const before = this.#over;
    this.#run(() => this.#transform.end!(this.#push), true);
    if (!before && !this.#busy && !this.#over) this.#close();
  }

  #run(step: () => void | Promise<void>, last = false): void {
    let result: void | Promise<void>;
    try {
      result = step();
    } catch (cause) {
      return this.#fail(cause);
    }
    if (!(result instanceof Promise)) return;
    this.#busy = true;
    result.then(
      () => this.#stepDone(last),
      (cause: unknown) => this.#fail(cause),
    );
  }

  #stepDone(last: boolean): void {
    this.#busy = false;
    if (this.#over) return;
    if (last) return this.#close();
    while (this.#waiting.length > 0 && !this.#busy && !this.#over) this.#take(this.#waiting.shift()!);
    if (this.#busy || this.#over) return;
    if (this.#ending) return this.#finish();
    if (this.#mayGoOn()) this.#resume();
  }

  #mayGoOn(): boolean {
    if (this.#over || (this.#ready && !this.#busy)) return true;
    if (!this.#ready) {
      this.#sink.onDrain = () => {
        this.#ready = true;
        if (!this.#busy) this.#resume();
      };
    }
    return false;
  }

  #resume(): void {
    const resume = this.onDrain;
    this.onDrain = null;
    resume?.();
  }

  #close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#sink.end();
    this.done();
  }

  #fail(cause: unknown): void {
    if (this.#over) return;
    const why = this.#failed(cause);
    this.#cut(why);
    this.#source.cancel(why);
  }

  #abortTransform(): void {
    try {
      this.#transform.abort?.();
    } catch {
      // It is over already; there is nobody to tell.
    }
  }

  #cut(why: GatewayError): void {
    if (this.#over) return;
    this.#over = true;
    this.#sink.onDrain = null;
    this.#waiting = [];
    this.#abortTransform();
    this.#sink.abort(why);
    this.done(why);
  }
}
