import type { Clock } from "../../model/ports.ts";
import type { RateRedisSpec } from "../../model/traffic-spec.ts";
import type { Decision, Limit, LocalLimiter } from "./gcra.ts";

/** Decides on this machine, now. The answer is overwritten by the next one. */
export interface LocalDecider {
  take(key: string, limit: Limit): Decision;
}

/** Decides where machines meet, or on this one while they cannot. */
export interface SharedDecider {
  /** `done` is called exactly once, at once when the decision is local; it must not throw. What it is given is overwritten. */
  take(key: string, limit: Limit, done: (decision: Decision) => void): void;
  /** Whoever asked for it uses it no longer. */
  release(): void;
}

export interface RateDeciders {
  readonly local: LocalDecider;
  /** The same one for the same server; each caller releases its own. */
  redis(spec: RateRedisSpec): SharedDecider;
}

export function localDecider(limiter: LocalLimiter, clock: Pick<Clock, "wall">): LocalDecider {
  return { take: (key, limit) => limiter.take(key, limit, clock.wall()) };
}
