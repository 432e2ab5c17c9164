import type { Exchange } from "../../model/exchange.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import type { RouteSpec } from "../../model/snapshot-spec.ts";
import type { Ticked, Ticker } from "../ticker.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** Whose time it is. */
export interface TimedForward {
  /** The whole exchange, or all the time for its head, is over. */
  outOfTime(why: GatewayError): void;
  /** Looks at the times of its attempts. */
  checkTries(now: number): void;
  readonly headArrived: boolean;
}

/** The times of one forward, on the coarse clock; made only where there is one. */
export class Deadlines implements Ticked {
  tickSlot = -1;
  readonly #forward: TimedForward;
  readonly #ticker: Ticker;
  readonly #headAt: number;
  readonly #totalAt: number;

  constructor(forward: TimedForward, ticker: Ticker, at: { readonly head: number; readonly total: number }) {
    this.#forward = forward;
    this.#ticker = ticker;
    this.#headAt = at.head;
    this.#totalAt = at.total;
    ticker.add(this);
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
    this.#forward.checkTries(now);
  }
}

export interface TimedParts {
  readonly exchange: Exchange;
  readonly route: RouteSpec;
  readonly upstream: Upstream;
  readonly ticker: Ticker;
}

/** null: nothing of this forward is timed here. */
export function deadlinesOf(
  forward: TimedForward,
  { exchange, route, upstream, ticker }: TimedParts,
): Deadlines | null {
  const total = route.totalMs ?? upstream.spec.timeouts.totalMs;
  const head = route.timeoutMs;
  if (total === null && head === null && upstream.spec.retries.perTryMs === null) return null;
  const start = exchange.startedAt;
  const never = Number.POSITIVE_INFINITY;
  const at = { head: head === null ? never : start + head, total: total === null ? never : start + total };
  return new Deadlines(forward, ticker, at);
}

export function timedOut(what: string): GatewayError {
  return new GatewayError("upstream_timeout", `${what} took too long`);
}
