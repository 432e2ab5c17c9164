/** How an endpoint that comes back gets its share again. */
export interface SlowStartSettings {
  /** Until the full share; 0: at once. */
  readonly windowMs: number;
  /** 0 to 1: the share it begins with. Above 0, or nobody would ever learn how it does. */
  readonly from: number;
  /** 1: in proportion to the time. Above 1 more at first, below 1 less (Envoy's `aggression`). */
  readonly aggression: number;
}

/** Steps of the factor: weights that change all the time would cost more than they help. */
const STEPS = 100;

/**
 * @param elapsedMs since it came back.
 * @returns what to multiply its weight with: from `from` to 1, never falling as time goes on.
 */
export function slowStartFactor(elapsedMs: number, settings: SlowStartSettings): number {
  const { windowMs, from, aggression } = settings;
  if (elapsedMs >= windowMs) return 1;
  const time = Math.max(elapsedMs, 0) / windowMs;
  const share = aggression === 1 ? time : time ** (1 / aggression);
  return Math.max(from, Math.floor(share * STEPS) / STEPS);
}
