import { GatewayError } from "../../model/gateway-error.ts";
import type { Ticked, Ticker } from "../ticker.ts";

/** Whose time it is. */
export interface TimedForward {
  /** The whole exchange, or all the time for its head, is over. */
  outOfTime(why: GatewayError): void;
  attemptOutOfTime(why: GatewayError): void;
  readonly headArrived: boolean;
}

/** The times of one forward, on the coarse clock; made only where there is one. */
export class Deadlines implements Ticked {
  tickSlot = -1;
  readonly #forward: TimedForward;
  readonly #ticker: Ticker;
  readonly #headAt: number;
  readonly #totalAt: number;
  #tryAt = Number.POSITIVE_INFINITY;

  constructor(forward: TimedForward, ticker: Ticker, at: { readonly head: number; readonly total: number }) {
    this.#forward = forward;
    this.#ticker = ticker;
    this.#headAt = at.head;
    this.#totalAt = at.total;
    ticker.add(this);
  }

  tryUntil(at: number): void {
    this.#tryAt = at;
  }

  /** Is there time for the head at all? */
  isLate(now: number): boolean {
    return now >= this.#headAt;
  }

  stop(): void {
    this.#ticker.remove(this);
  }

  onTick(now: number): void {
    if (now >= this.#totalAt) return this.#forward.outOfTime(timedOut("the whole exchange"));
    if (this.#forward.headArrived) return;
    if (now >= this.#headAt) return this.#forward.outOfTime(timedOut("the reply's head, retries included"));
    if (now < this.#tryAt) return;
    this.#tryAt = Number.POSITIVE_INFINITY;
    this.#forward.attemptOutOfTime(timedOut("this attempt"));
  }
}

function timedOut(what: string): GatewayError {
  return new GatewayError("upstream_timeout", `${what} took too long`);
}
