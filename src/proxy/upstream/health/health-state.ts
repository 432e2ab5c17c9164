import type { CircuitBreaker } from "./circuit-breaker.ts";
import type { OutlierRecord } from "./outlier-record.ts";

/** What the control plane's checks last said. */
export interface ActiveVerdict {
  readonly healthy: boolean;
  readonly reason: string;
  /** Ms since the epoch. */
  readonly at: number;
}

/** Everything that speaks for or against an endpoint. */
export interface HealthSignals {
  /** The operator's word. */
  readonly draining: boolean;
  readonly weight: number;
  /** "off": nothing is checked; null: checked, but not yet. */
  readonly active: ActiveVerdict | "off" | null;
  readonly outlier: OutlierRecord | null;
  readonly breaker: CircuitBreaker | null;
}

/**
 * `available`: may be picked. `suspect`: only where too few are available. `barred`: never, somebody decided so: the operator, or a
 * breaker that is there to spare the endpoint.
 */
export type Standing = "available" | "suspect" | "barred";

/** Cheap: allocates nothing. @param now of the data plane's clock. */
export function standingOf(signals: HealthSignals, now: number): Standing {
  if (signals.draining || signals.weight <= 0) return "barred";
  if (signals.breaker !== null && !signals.breaker.mayAllow(now)) return "barred";
  if (signals.active !== null && signals.active !== "off" && !signals.active.healthy) return "suspect";
  return signals.outlier !== null && signals.outlier.isEjected ? "suspect" : "available";
}

export interface HealthReason {
  readonly by: "operator" | "active" | "passive" | "breaker";
  /** Does it speak for the endpoint? Not knowing does. */
  readonly isGood: boolean;
  readonly text: string;
}

export interface HealthView {
  readonly standing: Standing;
  /** Of everybody who has a say, good or bad. */
  readonly reasons: readonly HealthReason[];
}

/** For people: who says what, and what comes of it. */
export function healthView(signals: HealthSignals, now: number): HealthView {
  const reasons: HealthReason[] = [];
  if (signals.draining) reasons.push({ by: "operator", isGood: false, text: "draining" });
  if (signals.weight <= 0) reasons.push({ by: "operator", isGood: false, text: "weight 0" });
  reasons.push(activeReason(signals.active));
  if (signals.outlier !== null) reasons.push(passiveReason(signals.outlier, now));
  if (signals.breaker !== null)
    reasons.push({ by: "breaker", isGood: signals.breaker.mayAllow(now), text: signals.breaker.describe(now) });
  return { standing: standingOf(signals, now), reasons };
}

function activeReason(active: HealthSignals["active"]): HealthReason {
  if (active === "off") return { by: "active", isGood: true, text: "not checked: counts as available" };
  if (active === null)
    return { by: "active", isGood: true, text: "unknown, no check has ended yet: counts as available" };
  return { by: "active", isGood: active.healthy, text: active.reason };
}

function passiveReason(record: OutlierRecord, now: number): HealthReason {
  if (!record.isEjected) return { by: "passive", isGood: true, text: record.reason === "" ? "fine" : record.reason };
  const left = Math.max(0, Math.round((record.until - now) / 1000));
  return { by: "passive", isGood: false, text: `${record.reason} (${left} s left)` };
}
