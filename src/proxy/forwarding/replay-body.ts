import type { Body, BodyDone, Sink } from "../../model/body.ts";
import type { Exchange } from "../../model/exchange.ts";
import type { GatewayError } from "../../model/gateway-error.ts";
import type { HeaderMap } from "../../model/header-map.ts";
import type { RetrySpec } from "../../model/snapshot-spec.ts";
import { bodyStream, collect } from "../body-stream.ts";
import { isIdempotent } from "./retry-policy.ts";

/** Keeps the body of a request that may be sent again, where it is small enough to be kept. */
export function keepForReplay(exchange: Exchange, policy: RetrySpec): void {
  const body = exchange.requestBody;
  const { reset, timeout, statuses } = policy.on;
  // Where only what was not processed is sent again, the body was not touched either.
  const isEager = reset || timeout || statuses.length > 0;
  if (body === null || policy.max === 0 || !isEager || !isIdempotent(exchange)) return;
  if (body.length !== null && (body.length === 0 || body.length > policy.replayBytes)) return;
  exchange.requestBody = new ReplayBody(body, policy.replayBytes);
}

/**
 * A body that can be piped again, one reader after another, while it stays within `limit` bytes. What the first attempt was sent is
 * kept on the way; giving up an attempt leaves the source flowing into what is kept.
 */
export class ReplayBody implements Body {
  readonly #inner: Body;
  readonly #limit: number;
  readonly #recorder: Recorder;
  #kept: Uint8Array[] = [];
  #size = 0;
  #overflown = false;
  #started = false;
  #ended = false;
  #error: GatewayError | null = null;
  #sink: Sink | null = null;
  #done: BodyDone | null = null;

  constructor(inner: Body, limit: number) {
    this.#inner = inner;
    this.#limit = limit;
    this.#recorder = new Recorder((chunk) => this.#take(chunk));
  }

  get length(): number | null {
    return this.#inner.length;
  }

  get trailers(): HeaderMap | null {
    return this.#inner.trailers;
  }

  /** Not everything that was handed out was kept. */
  get used(): boolean {
    return this.#overflown;
  }

  pipeTo(sink: Sink, done: BodyDone): void {
    this.#sink = sink;
    this.#done = done;
    for (const chunk of this.#kept) sink.write(chunk);
    if (this.#error !== null) return this.#cut(this.#error);
    if (this.#ended) return this.#finish();
    if (this.#started) return this.#recorder.resume();
    this.#started = true;
    this.#inner.pipeTo(this.#recorder, (error) => this.#innerDone(error));
  }

  /** Gives up this attempt's copy. */
  cancel(why: GatewayError): void {
    this.#cut(why);
    this.#recorder.resume();
  }

  stream(): ReadableStream<Uint8Array> {
    return bodyStream(this);
  }

  bytes(limit: number): Promise<Uint8Array> {
    return collect(this, limit);
  }

  #take(chunk: Uint8Array): boolean {
    const sink = this.#sink;
    this.#size += chunk.byteLength;
    const fits = this.#size <= this.#limit;
    // Between two attempts what comes is kept even where it is too much, or the next would lack it: one chunk, then the source waits.
    // The producer's memory: what is kept is copied.
    if (!this.#overflown && (fits || sink === null)) this.#kept.push(chunk.slice());
    else {
      this.#overflown = true;
      this.#kept = [];
    }
    if (sink === null) return fits;
    if (sink.write(chunk)) return true;
    sink.onDrain = () => this.#recorder.resume();
    return false;
  }

  #innerDone(error: GatewayError | undefined): void {
    if (error !== undefined) {
      this.#error = error;
      return this.#cut(error);
    }
    this.#ended = true;
    if (this.#sink !== null) this.#finish();
  }

  #finish(): void {
    const [sink, done] = [this.#sink!, this.#done!];
    this.#sink = this.#done = null;
    sink.end(this.#inner.trailers);
    done();
  }

  #cut(why: GatewayError): void {
    const [sink, done] = [this.#sink, this.#done];
    this.#sink = this.#done = null;
    if (sink === null) return;
    sink.onDrain = null;
    sink.abort(why);
    done?.(why);
  }
}

/** What the source writes into, whoever reads. Its end and its failure are told by the source's `done`. */
class Recorder implements Sink {
  onDrain: (() => void) | null = null;
  readonly #take: (chunk: Uint8Array) => boolean;

  constructor(take: (chunk: Uint8Array) => boolean) {
    this.#take = take;
  }

  write(chunk: Uint8Array): boolean {
    return this.#take(chunk);
  }

  end(): void {}

  abort(): void {}

  resume(): void {
    const resume = this.onDrain;
    this.onDrain = null;
    resume?.();
  }
}
