import { GatewayError } from "./gateway-error.ts";
import type { HeaderMap } from "./header-map.ts";

/** Where a body's bytes go. */
export interface Sink {
  /**
   * Takes the whole chunk, which is valid only during the call (copy what you keep).
   * @returns false when the producer must stop until `onDrain`.
   */
  write(chunk: Uint8Array): boolean;
  /** `write` for a part of a buffer; where a sink has it, a producer need not make a view. */
  writePart?(bytes: Buffer, from: number, to: number): boolean;
  end(trailers?: HeaderMap | null): void;
  /** The body cannot be completed: the receiver must be able to tell (reset, never a clean end). */
  abort(why: GatewayError): void;
  /** Set by the producer while it waits; called once by the sink when it can take more. */
  onDrain: (() => void) | null;
}

export type BodyDone = (error?: GatewayError) => void;

/** Bytes that flow one way, once. */
export interface Body {
  /** In bytes; null: unknown until it ends. */
  readonly length: number | null;
  /** After the end. */
  readonly trailers: HeaderMap | null;
  /** True once any of the bytes were handed out: the body cannot be sent again. */
  readonly used: boolean;
  /**
   * Moves everything into `sink`, ends or aborts it, then calls `done` exactly once. Bytes that are there already are
   * written before it returns, so that a head and a small body can leave together.
   */
  pipeTo(sink: Sink, done: BodyDone): void;
  /** Gives up on the rest; a running `pipeTo` aborts its sink and reports `why`. */
  cancel(why: GatewayError): void;
  stream(): ReadableStream<Uint8Array>;
  /** @throws GatewayError `body_too_large` past `limit` bytes. */
  bytes(limit: number): Promise<Uint8Array>;
}

/** A body that is complete in memory. */
export class BytesBody implements Body {
  readonly length: number;
  readonly trailers = null;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.length = bytes.byteLength;
  }

  static text(text: string): BytesBody {
    return new BytesBody(Buffer.from(text, "utf8"));
  }

  // It stays in memory, so it can always be sent again.
  get used(): boolean {
    return false;
  }

  pipeTo(sink: Sink, done: BodyDone): void {
    if (this.length > 0) sink.write(this.#bytes);
    sink.end();
    done();
  }

  cancel(): void {}

  stream(): ReadableStream<Uint8Array> {
    return new Response(this.#bytes as Uint8Array<ArrayBuffer>).body!;
  }

  async bytes(limit: number): Promise<Uint8Array> {
    if (this.length > limit) throw new GatewayError("body_too_large", `${this.length} bytes over a limit of ${limit}`);
    return this.#bytes;
  }
}
