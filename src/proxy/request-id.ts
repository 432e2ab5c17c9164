import type { Exchange } from "../model/exchange.ts";

const KEPT = /^[\x21-\x7e]{1,200}$/;

/** Unique for this process by its random half, within it by counting: no randomness is drawn on the way of a request. */
export class RequestIds {
  readonly #prefix: string;
  #count = 0;

  constructor(seed: Uint8Array = crypto.getRandomValues(new Uint8Array(10))) {
    this.#prefix = Buffer.from(seed).toString("hex");
  }

  /** A trusted peer's id is kept, so that one id follows a request through a chain of gateways. */
  idOf(exchange: Exchange): string {
    if (exchange.peer.trusted) {
      const given = exchange.received.headers.first("x-request-id");
      if (given !== null && KEPT.test(given)) return given;
    }
    return this.next();
  }

  next(): string {
    this.#count = this.#count === 0xffff_ffff_ffff ? 0 : this.#count + 1;
    return this.#prefix + (0x1_0000_0000_0000 + this.#count).toString(16).slice(1);
  }
}
