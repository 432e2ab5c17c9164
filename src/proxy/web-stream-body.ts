import type { Body, BodyDone, Sink } from "../model/body.ts";
import { GatewayError } from "../model/gateway-error.ts";
import type { Ticked, Ticker } from "./ticker.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A Request or a Response: its stream is made when somebody first asks for it, and small messages never have one. */
export interface WebMessage {
  readonly body: ReadableStream<Bytes> | null;
}

/** When a body counts as stuck, and what its errors mean. */
export interface StreamBodyRules {
  readonly ticker: Ticker;
  /** Between two reads, while somebody waits for bytes; null: never. */
  readonly idleMs: number | null;
  readonly onIdle: () => GatewayError;
  readonly toError: (cause: unknown) => GatewayError;
  /** Called once when the body is over, however it ended; stops whatever feeds it when there is an error. */
  readonly onOver: (error?: GatewayError) => void;
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
  readonly #rules: StreamBodyRules;
  #reader: ManyReader | null = null;
  #sink: Sink | null = null;
  #done: BodyDone | null = null;
  #kept: Bytes | null = null;
  #error: GatewayError | null = null;
  #received = 0;
  #waitingSince = 0;
  #used = false;
  #over = false;

  constructor(message: WebMessage, length: number | null, rules: StreamBodyRules) {
    this.#message = message;
    this.length = length;
    this.#rules = rules;
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
    this.#sink = sink;
    this.#done = done;
    if (this.#error !== null) return this.#fail(this.#error);
    const stream = this.#message.body;
    if (stream === null) return this.#finish();
    // `Bun.serve` and `fetch` lock the stream when they hand it on themselves; a second reader is a bug of ours.
    this.#reader = stream.getReader() as unknown as ManyReader;
    this.#pump();
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
    const { idleMs, onIdle } = this.#rules;
    // The first tick after a read started sets the time: nothing reads the clock for each chunk.
    if (this.#waitingSince === 0) this.#waitingSince = now;
    else if (idleMs !== null && now - this.#waitingSince >= idleMs) this.#fail(onIdle());
  }

  /** Takes what is there; waits for more with one promise; stops while the sink is full. */
  #pump(): void {
    while (!this.#over) {
      let read: Read | Promise<Read>;
      try {
        read = this.#reader!.readMany();
      } catch (cause) {
        return this.#fail(this.#rules.toError(cause));
      }
      if (read instanceof Promise) {
        if (this.#rules.idleMs !== null) this.#rules.ticker.add(this);
        this.#waitingSince = 0;
        read.then(this.#onRead, this.#onError);
        return;
      }
      if (!this.#take(read)) return;
    }
  }

  readonly #onRead = (read: Read): void => {
    // Not waiting any more: a full sink may take as long as it likes.
    this.#rules.ticker.remove(this);
    if (!this.#over && this.#take(read)) this.#pump();
  };

  readonly #onError = (cause: unknown): void => {
    this.#fail(this.#rules.toError(cause));
  };

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
    if (!ready) sink.onDrain = this.#resume;
    return ready;
  }

  /** Everything was there at once: then there is no end of stream to wait for, and the bytes can be kept for another try. */
  #isComplete(chunks: Bytes[]): boolean {
    return !this.#used && chunks.length === 1 && chunks[0]!.byteLength === this.length && this.length <= KEEP_BYTES;
  }

  readonly #resume = (): void => {
    this.#pump();
  };

  #finish(): void {
    if (this.length !== null && this.#kept === null && this.#received < this.length) {
      return this.#fail(this.#rules.toError(new Error(`${this.#received} of ${this.length} bytes came`)));
    }
    this.#over = true;
    this.#rules.onOver();
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
    this.#rules.ticker.remove(this);
    this.#rules.onOver(error);
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

/** Everything of a body, or the reason why not. */
export function collect(body: Body, limit: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const sink: Sink = {
      onDrain: null,
      write(chunk) {
        size += chunk.byteLength;
        if (size <= limit) chunks.push(chunk.slice());
        else queueMicrotask(() => body.cancel(new GatewayError("body_too_large", `more than ${limit} bytes`)));
        return true;
      },
      end: () => {},
      abort: () => {},
    };
    body.pipeTo(sink, (error) => {
      if (error !== undefined) reject(error);
      else if (size > limit) reject(new GatewayError("body_too_large", `${size} bytes over a limit of ${limit}`));
      else resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
    });
  });
}

/** Any body as a web stream, pulled chunk by chunk; `stream()` of a body that has no native one. */
export function toStream(body: Body): ReadableStream<Uint8Array> {
  const sink = new ControllerSink();
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        return sink.pull(controller, body);
      },
      cancel(reason) {
        body.cancel(reason instanceof GatewayError ? reason : new GatewayError("client_closed", String(reason)));
      },
    },
    // Nothing is read before somebody wants it: a body that was not touched can be sent somewhere else.
    { highWaterMark: 0 },
  );
}

/** A sink into a stream's controller: one chunk ahead, then it waits until the stream is pulled again. */
class ControllerSink implements Sink {
  onDrain: (() => void) | null = null;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #pulled: (() => void) | null = null;
  #over = false;

  pull(controller: ReadableStreamDefaultController<Uint8Array>, body: Body): Promise<void> | undefined {
    const isFirst = this.#controller === null;
    this.#controller = controller;
    const waiting = new Promise<void>((resolve) => {
      this.#pulled = resolve;
    });
    if (isFirst) body.pipeTo(this, ignore);
    else {
      const resume = this.onDrain;
      this.onDrain = null;
      resume?.();
    }
    return this.#over ? undefined : waiting;
  }

  write(chunk: Uint8Array): boolean {
    this.#controller!.enqueue(chunk.slice());
    this.#settle();
    return false;
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    try {
      this.#controller!.close();
    } catch {
      // Whoever read the stream has cancelled it.
    }
    this.#settle();
  }

  abort(why: GatewayError): void {
    if (this.#over) return;
    this.#over = true;
    this.#controller?.error(why);
    this.#settle();
  }

  #settle(): void {
    const pulled = this.#pulled;
    this.#pulled = null;
    pulled?.();
  }
}
