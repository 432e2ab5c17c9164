import type { Exchange } from "../model/exchange.ts";

const KEPT = /^[\x21-\x7e]{1,200}$/;

/** The last three hexadecimal digits, made once: an id costs one addition and one concatenation. */
const LOW = Array.from({ length: 0x1000 }, (_, i) => (0x1000 + i).toString(16).slice(1));

/** Unique for this process by its random half, within it by counting: no randomness is drawn on the way of a request. */
export class RequestIds {
  readonly #seed: string;
  /** Seed and all of the count but its last three digits. */
  #prefix = "";
  #high = 0;
  #low = LOW.length;

  constructor(seed: Uint8Array = crypto.getRandomValues(new Uint8Array(10))) {
    this.#seed = Buffer.from(seed).toString("hex");
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
    if (this.#low === LOW.length) {
      this.#low = 0;
      this.#prefix = this.#seed + (0x10_0000_0000 + this.#high++).toString(16).slice(1);
    }
    return this.#prefix + LOW[this.#low++]!;
  }
}
