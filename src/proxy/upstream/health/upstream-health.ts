import type { ProxyEvent } from "../../../model/ports.ts";
import type { BreakerSpec, RetrySpec, UpstreamSpec } from "../../../model/snapshot-spec.ts";
import type { SharedState } from "../../shared-state.ts";
import type { Endpoint } from "../endpoint.ts";
import { type BreakerChange, CircuitBreaker } from "./circuit-breaker.ts";
import { OutlierDetector } from "./outlier-detector.ts";
import { Outcome, type OutcomeKind } from "./outlier-record.ts";
import { RetryBudget } from "./retry-budget.ts";
import { slowStartFactor } from "./slow-start.ts";

export interface HealthParts {
  readonly shared: SharedState;
  /** Among how many the floor of a retry budget is divided. */
  readonly workers: number;
  event(event: ProxyEvent): void;
  /** Something changed between two ticks. */
  judge(endpoint: Endpoint): void;
}

/** How an attempt went, for its endpoint's record: the last is nobody's fault. */
export const Verdict = { ...Outcome, nobody: 3 } as const;
export type VerdictKind = OutcomeKind | typeof Verdict.nobody;

/**
 * What one worker knows of the health of an upstream: outliers, breakers, the retry budget. It outlives configurations; what is
 * told is O(1) and allocates nothing.
 */
export class UpstreamHealth {
  budget: RetryBudget;
  breaker: CircuitBreaker | null = null;
  readonly #name: string;
  readonly #parts: HealthParts;
  #spec: UpstreamSpec;
  #endpoints: readonly Endpoint[] = [];
  #detector: OutlierDetector | null = null;
  #isTracking = false;
  #tickedAt = 0;

  constructor(spec: UpstreamSpec, parts: HealthParts) {
    this.#name = spec.name;
    this.#spec = spec;
    this.#parts = parts;
    this.budget = budgetOf(spec.retries, parts.workers);
  }

  /** Does anybody learn from attempts here? */
  get isTracking(): boolean {
    return this.#isTracking;
  }

  /** Takes over a committed specification. What did not change keeps its state; breakers keep theirs in shared memory. */
  configure(spec: UpstreamSpec, endpoints: readonly Endpoint[]): void {
    const before = this.#spec;
    if (!same(before.retries.budget, spec.retries.budget)) this.budget = budgetOf(spec.retries, this.#parts.workers);
    const isNew = this.#detector === null || !same(before.health.passive, spec.health.passive);
    if (isNew) this.#detector = this.#detectorOf(spec);
    this.#spec = spec;
    this.#endpoints = endpoints;
    this.breaker = this.#breakerOf(spec.breaker.upstream, spec.breakerSlot, null);
    endpoints.forEach((endpoint, i) => {
      endpoint.outlier = this.#detector?.track(endpoint.id) ?? null;
      endpoint.breaker = this.#breakerOf(spec.breaker.endpoint, spec.endpointBreakerSlots[i] ?? 0, endpoint.id);
      if (spec.health.active === null) endpoint.active = "off";
      else if (endpoint.active === "off") endpoint.active = null;
    });
    this.#detector?.keepOnly(new Set(endpoints.map(({ id }) => id)));
    this.#isTracking = this.#detector !== null || this.breaker !== null || spec.breaker.endpoint !== null;
  }

  /** @returns false: the endpoint's breaker says no. Yes is answered by one `settle`. */
  allows(endpoint: Endpoint, now: number): boolean {
    return endpoint.breaker === null || endpoint.breaker.allows(now);
  }

  settle(endpoint: Endpoint, verdict: VerdictKind, latencyMs: number, now: number): void {
    const slowMs = this.#spec.breaker.upstream?.slowMs ?? Number.POSITIVE_INFINITY;
    if (verdict !== Verdict.nobody) endpoint.hasFailed = verdict !== Verdict.ok || latencyMs > slowMs;
    settleBreaker(this.breaker, verdict, latencyMs, now);
    settleBreaker(endpoint.breaker, verdict, latencyMs, now);
    if (verdict !== Verdict.nobody && endpoint.outlier !== null)
      this.#detector?.observe(endpoint.outlier, verdict, latencyMs, now);
  }

  /** Every 100 ms: breakers change in other workers, ejections end, weights grow. */
  tick(now: number): void {
    if (this.#detector !== null && now - this.#tickedAt >= 1000) {
      this.#tickedAt = now;
      this.#detector.tick(now);
    }
    const { slowStart } = this.#spec.health;
    for (const endpoint of this.#endpoints) {
      if (slowStart !== null) this.#grow(endpoint, now);
      this.#parts.judge(endpoint);
    }
  }

  #grow(endpoint: Endpoint, now: number): void {
    const since = Math.max(endpoint.recoveredAt, endpoint.outlier?.returnedAt ?? Number.NEGATIVE_INFINITY);
    endpoint.weight = endpoint.baseWeight * slowStartFactor(now - since, this.#spec.health.slowStart!);
  }

  #detectorOf({ health }: UpstreamSpec): OutlierDetector | null {
    if (health.passive === null) return null;
    const upstream = this.#name;
    return new OutlierDetector(health.passive, ({ endpoint: id, isEjected, forMs, reason }) => {
      if (isEjected) this.#parts.event({ type: "outlier.ejected", upstream, endpoint: id, forMs, reason });
      else this.#parts.event({ type: "outlier.returned", upstream, endpoint: id, reason });
      const endpoint = this.#endpoints.find((candidate) => candidate.id === id);
      if (endpoint !== undefined) this.#parts.judge(endpoint);
    });
  }

  #breakerOf(spec: BreakerSpec | null, slot: number, endpointId: string | null): CircuitBreaker | null {
    if (spec === null) return null;
    const { shared } = this.#parts;
    const onChange = (change: BreakerChange) => this.#breakerChanged(change, endpointId);
    const { clockOffsetMs } = shared;
    const mayOpen = endpointId === null ? () => !this.#isAnyWell : undefined;
    return new CircuitBreaker(shared.breakerWords(slot), spec, { clockOffsetMs, onChange, mayOpen });
  }

  /** While one endpoint is well the upstream does not fail as a whole, however many requests meet the others first. */
  get #isAnyWell(): boolean {
    return this.#endpoints.some(({ standing, hasFailed }) => standing === "available" && !hasFailed);
  }

  #breakerChanged({ to, reason }: BreakerChange, endpoint: string | null): void {
    const type = `circuit_breaker.${to === "half-open" ? "half_open" : to === "open" ? "opened" : "closed"}` as const;
    this.#parts.event({ type, upstream: this.#name, endpoint, reason });
    const changed = this.#endpoints.find(({ id }) => id === endpoint);
    if (changed !== undefined) this.#parts.judge(changed);
  }
}

function settleBreaker(breaker: CircuitBreaker | null, verdict: VerdictKind, latencyMs: number, now: number): void {
  if (breaker === null) return;
  if (verdict === Verdict.ok) breaker.succeeded(now, latencyMs);
  else if (verdict === Verdict.nobody) breaker.cancelled(now, latencyMs);
  else breaker.failed(now, latencyMs);
}

function budgetOf({ budget }: RetrySpec, workers: number): RetryBudget {
  return new RetryBudget({ ...budget, minPerSecond: budget.minPerSecond / workers });
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
