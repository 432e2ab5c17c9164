import type { RequestBody } from "../../contract/context.ts";
import { type Body, BytesBody } from "../../model/body.ts";
import type { Exchange } from "../../model/exchange.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import type { Ticker } from "../ticker.ts";
import { StreamBody } from "../web-stream-body.ts";
import { pluginSource } from "./answer.ts";
import { RequestProblem } from "./request-problem.ts";

/** Who has a deadline that waiting for the client must not count against. */
export interface Deadline {
  pause(): void;
  resume(): void;
}

/** `ctx.body`: what was read is kept, forwarded and can be sent again. */
export class HookBody implements RequestBody {
  readonly #exchange: Exchange;
  readonly #deadline: Deadline;
  readonly #ticker: Ticker;
  readonly #limitBytes: number;
  #reading: Promise<Uint8Array> | null = null;

  constructor(exchange: Exchange, deadline: Deadline, ticker: Ticker, limitBytes: number) {
    this.#exchange = exchange;
    this.#deadline = deadline;
    this.#ticker = ticker;
    this.#limitBytes = limitBytes;
  }

  get length(): number | null {
    return this.#body.length;
  }

  async bytes(limit = this.#limitBytes): Promise<Uint8Array> {
    const body = this.#body;
    if (body.length !== null && body.length > limit) throw tooLarge(limit);
    if (body instanceof BytesBody) return body.bytes(limit);
    const bytes = await (this.#reading ??= this.#read(body, limit));
    if (bytes.byteLength > limit) throw tooLarge(limit);
    return bytes;
  }

  async text(limit?: number): Promise<string> {
    return new TextDecoder().decode(await this.bytes(limit));
  }

  async json<T = unknown>(limit?: number): Promise<T> {
    const text = await this.text(limit);
    try {
      return JSON.parse(text) as T;
    } catch {
      const publicDetail = "the body is not valid JSON";
      throw new RequestProblem(new GatewayError("bad_request", publicDetail, { publicDetail }));
    }
  }

  stream(): ReadableStream<Uint8Array> {
    const stream = this.#body.stream();
    this.#replaceWith(new BytesBody(new Uint8Array(0)));
    return stream;
  }

  replace(init: Bun.BodyInit): void {
    const before = this.#body;
    this.#replaceWith(this.#bodyOf(init));
    // Nobody reads it any more; what a transform of `stream()` reads was taken out already.
    if (!(before instanceof BytesBody) && !before.used) void before.bytes(this.#limitBytes).catch(ignore);
  }

  get #body(): Body {
    return this.#exchange.requestBody!;
  }

  async #read(body: Body, limit: number): Promise<Uint8Array> {
    this.#deadline.pause();
    try {
      const bytes = await body.bytes(limit);
      this.#replaceWith(new BytesBody(bytes));
      return bytes;
    } catch (error) {
      throw error instanceof GatewayError ? new RequestProblem(error) : error;
    } finally {
      this.#deadline.resume();
    }
  }

  #replaceWith(body: Body): void {
    const exchange = this.#exchange;
    if (exchange.requestBody !== null && exchange.requestBody.length !== body.length)
      exchange.edit().headers.remove("content-length");
    exchange.requestBody = body;
  }

  #bodyOf(init: Bun.BodyInit): Body {
    if (typeof init === "string") return BytesBody.text(init);
    if (init instanceof Uint8Array) return new BytesBody(init);
    if (init instanceof ArrayBuffer) return new BytesBody(new Uint8Array(init));
    if (init instanceof URLSearchParams) return BytesBody.text(init.toString());
    return new StreamBody(new Response(init), null, pluginSource(this.#ticker));
  }
}

function tooLarge(limit: number): RequestProblem {
  return new RequestProblem(new GatewayError("body_too_large", `over ${limit} bytes`));
}

function ignore(): void {}
