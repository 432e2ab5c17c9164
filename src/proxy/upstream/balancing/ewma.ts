import type { Exchange } from "../../../model/exchange.ts";
import type { Random } from "../../../model/ports.ts";
import type { Endpoint } from "../endpoint.ts";
import type { Balancer } from "./balancer.ts";
import { pickOfTwo } from "./p2c.ts";

/** After this long an old latency weighs 1/e: an endpoint that was slow is tried again. */
const DECAY_MS = 10_000;
/** What one unanswered probe of an unknown endpoint counts for: others go first until it has answered. */
const UNKNOWN_MS = 1_000;

/**
 * Peak EWMA (Finagle, linkerd): latency × attempts in flight. A slower reply counts in full at once, faster ones slowly,
 * so that trouble is noticed in one request and trust comes back in many. Of two random choices, the cheaper one.
 *
 * The average lives in the endpoint and survives a reload.
 */
export class Ewma implements Balancer {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  pick(candidates: readonly Endpoint[], exchange: Exchange): Endpoint {
    return pickOfTwo(candidates, this.#random, costOf, exchange.startedAt);
  }

  observe(endpoint: Endpoint, latencyMs: number, now: number): void {
    const isKnown = endpoint.latencyAt > 0;
    const kept = isKnown ? decay(now - endpoint.latencyAt) : 0;
    // Never zero: attempts in flight must count even where replies are too fast to measure.
    const average = Math.max(endpoint.latencyMs * kept + latencyMs * (1 - kept), 0.001);
    endpoint.latencyMs = Math.max(average, latencyMs);
    endpoint.latencyAt = Math.max(now, Number.MIN_VALUE);
  }
}

/** An endpoint that nobody has heard from costs nothing while it is idle: it gets a probe, one at a time. */
function costOf(endpoint: Endpoint, now: number): number {
  if (endpoint.latencyAt === 0) return (endpoint.inFlight * UNKNOWN_MS) / endpoint.weight;
  return (endpoint.latencyMs * decay(now - endpoint.latencyAt) * (endpoint.inFlight + 1)) / endpoint.weight;
}

function decay(elapsedMs: number): number {
  return elapsedMs <= 0 ? 1 : Math.exp(-elapsedMs / DECAY_MS);
}
