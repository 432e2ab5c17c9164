import { CHUNKED, type Framing, NO_BODY } from "../../http1/body-framing.ts";
import { type ConnectionFields, writeRequestHead } from "../../http1/head-writer.ts";
import type { HeadSource } from "../../wire/socket-out.ts";
import type { Attempt } from "./transport.ts";

/** An attempt's head together with what the connection says of it. */
export class WireRequestHead implements ConnectionFields, HeadSource {
  readonly framing: Framing;
  /** HTTP/1.1 persists unless told otherwise (RFC 9112 §9.3). */
  readonly connection = null;
  readonly upgrade: string | null;
  readonly teTrailers: boolean;
  readonly #attempt: Attempt;

  constructor(attempt: Attempt) {
    const { body, exchange } = attempt;
    this.framing = body === null ? NO_BODY : (body.length ?? CHUNKED);
    this.upgrade = attempt.upgrade;
    this.teTrailers = exchange.received.teTrailers === true;
    this.#attempt = attempt;
  }

  writeHead(buffer: Buffer, offset: number): number {
    return writeRequestHead(buffer, offset, this.#attempt, this);
  }
}
