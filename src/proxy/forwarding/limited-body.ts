import type { Body, BodyDone, Sink } from "../../model/body.ts";
import type { Exchange } from "../../model/exchange.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import type { HeaderMap } from "../../model/header-map.ts";

/** Holds a request's body to `limit` bytes (null: any). @returns why the exchange fails at once where its length says too much */
export function limitBody(exchange: Exchange, limit: number | null): GatewayError | null {
  const body = exchange.requestBody;
  if (limit === null || body === null) return null;
  if (body.length !== null) return body.length > limit ? tooLarge() : null;
  exchange.requestBody = new LimitedBody(body, limit, (why) => exchange.running?.cancel(why));
  return null;
}

/** A request body of unknown length that ends the exchange with 413 when it grows past its limit. */
export class LimitedBody implements Body {
  readonly length = null;
  readonly #inner: Body;
  readonly #limit: number;
  readonly #exceeded: (why: GatewayError) => void;

  constructor(inner: Body, limit: number, exceeded: (why: GatewayError) => void) {
    this.#inner = inner;
    this.#limit = limit;
    this.#exceeded = exceeded;
  }

  get trailers(): HeaderMap | null {
    return this.#inner.trailers;
  }

  get used(): boolean {
    return this.#inner.used;
  }

  pipeTo(sink: Sink, done: BodyDone): void {
    this.#inner.pipeTo(new CountingSink(sink, this.#limit, (why) => this.#overrun(why)), done);
  }

  cancel(why: GatewayError): void {
    this.#inner.cancel(why);
  }

  stream(): ReadableStream<Uint8Array> {
    let left = this.#limit;
    const overrun = (why: GatewayError) => this.#overrun(why);
    const limited = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        left -= chunk.byteLength;
        if (left >= 0) return controller.enqueue(chunk);
        const why = tooLarge();
        controller.error(why);
        overrun(why);
      },
    });
    return this.#inner.stream().pipeThrough(limited);
  }

  bytes(limit: number): Promise<Uint8Array> {
    return this.#inner.bytes(Math.min(limit, this.#limit));
  }

  // First the exchange, so that it ends as "too large" and not as whatever cancelling the body looks like.
  #overrun(why: GatewayError): void {
    this.#exceeded(why);
    this.#inner.cancel(why);
  }
}

export function tooLarge(): GatewayError {
  return new GatewayError("body_too_large");
}

class CountingSink implements Sink {
  readonly #sink: Sink;
  readonly #overrun: (why: GatewayError) => void;
  #left: number;

  constructor(sink: Sink, limit: number, overrun: (why: GatewayError) => void) {
    this.#sink = sink;
    this.#left = limit;
    this.#overrun = overrun;
  }

  get onDrain(): (() => void) | null {
    return this.#sink.onDrain;
  }

  set onDrain(resume: (() => void) | null) {
    this.#sink.onDrain = resume;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#left < 0) return true;
    this.#left -= chunk.byteLength;
    if (this.#left >= 0) return this.#sink.write(chunk);
    this.#overrun(tooLarge());
    return true;
  }

  end(trailers?: HeaderMap | null): void {
    if (this.#left >= 0) this.#sink.end(trailers);
  }

  abort(why: GatewayError): void {
    this.#sink.abort(why);
  }
}
