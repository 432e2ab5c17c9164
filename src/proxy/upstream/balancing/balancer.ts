import type { Exchange } from "../../../model/exchange.ts";
import type { Endpoint } from "../endpoint.ts";

/**
 * Chooses an endpoint. Called once an attempt, synchronously, without allocation in the common case.
 *
 * `candidates` is never empty and holds only what may be picked now: availability is filtered once, by the upstream, for
 * all policies. Its identity stays the same while its content does, so a policy may cache by it; a retry or a full
 * endpoint brings a shorter list of its own. A policy never mutates the list, nor an endpoint's `inFlight`.
 */
export interface Balancer {
  pick(candidates: readonly Endpoint[], exchange: Exchange): Endpoint;
  /** The time from sending to the reply's head; only policies that learn from it have this. */
  observe?(endpoint: Endpoint, latencyMs: number, now: number): void;
}
