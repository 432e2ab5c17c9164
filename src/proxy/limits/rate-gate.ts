import type { Exchange } from "../../model/exchange.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import type { ProxyEvent } from "../../model/ports.ts";
import type { RateLimitSpec, RateLimitsSpec } from "../../model/traffic-spec.ts";
import { type Decision, Limit } from "./gcra.ts";
import type { LocalDecider, RateDeciders, SharedDecider } from "./rate-deciders.ts";
import { compileRateKey, type RateKey } from "./rate-keys.ts";
import { quoted, rateLimitPolicy, retryAfterSeconds } from "./rate-limit-headers.ts";

/** What a route's limits come to; at least one of the two is not null. */
export interface CompiledLimits {
  /** Those that need only the request. */
  readonly early: LimitList | null;
  /** Those that need to know who it is. */
  readonly late: LimitList | null;
}

/** In order, never empty. */
export type LimitList = readonly CompiledLimit[];

/** One limit, ready to be asked. */
export interface CompiledLimit {
  readonly limit: Limit;
  readonly key: RateKey;
  readonly isShadow: boolean;
  readonly message: string | undefined;
  readonly policy: string;
  readonly quotedName: string;
}

/** Hears null, or why the request is refused. */
export type Verdict = (refusal: GatewayError | null) => void;

/** The rate limits of one snapshot. Counts hang on the limits' names and outlive it. */
export class RateGate {
  /** Before routing, so all of them are asked before anybody is known. */
  readonly global: LimitList | null;
  readonly #local: LocalDecider;
  /** null: limits hold on this machine. */
  readonly #shared: SharedDecider | null;
  readonly #event: (event: ProxyEvent) => void;

  constructor(spec: RateLimitsSpec, deciders: RateDeciders, event: (event: ProxyEvent) => void) {
    this.#local = deciders.local;
    this.#shared = spec.redis === null ? null : deciders.redis(spec.redis);
    this.#event = event;
    this.global = spec.global === null ? null : [this.#compile(spec.global)];
  }

  /** @returns null for none: a route without limits pays nothing */
  compile(specs: readonly RateLimitSpec[]): CompiledLimits | null {
    if (specs.length === 0) return null;
    const limits = specs.map((spec) => this.#compile(spec));
    return {
      early: listOf(limits.filter(({ key }) => !key.needsIdentity)),
      late: listOf(limits.filter(({ key }) => key.needsIdentity)),
    };
  }

  /**
   * Asks each limit in order; the first that refuses ends it. A request that is refused by the second has been counted by the
   * first. `done` is called exactly once: before this returns when the counts are kept on this machine; else perhaps later, when
   * the client may have gone. It must not throw then.
   */
  check(limits: LimitList, exchange: Exchange, done: Verdict): void {
    if (this.#shared !== null) return this.#ask(this.#shared, { limits, exchange, done }, 0);
    for (let i = 0; i < limits.length; i++) {
      const compiled = limits[i]!;
      const decision = this.#local.take(compiled.key.of(exchange), compiled.limit);
      const refusal = this.#settle(compiled, exchange, decision);
      if (refusal !== null) return done(refusal);
    }
    done(null);
  }

  /** No request begins with this snapshot any more; those under way are decided on this machine. */
  retire(): void {
    this.#shared?.release();
  }

  #ask(shared: SharedDecider, check: Check, i: number): void {
    const compiled = check.limits[i];
    if (compiled === undefined) return check.done(null);
    let isLate = false;
    shared.take(compiled.key.of(check.exchange), compiled.limit, (decision) => {
      if (!isLate) return this.#asked(shared, check, i, decision);
      // Others are answered after this one.
      try {
        this.#asked(shared, check, i, decision);
      } catch (error) {
        this.#event({ type: "internal", where: "after a rate limit", error });
      }
    });
    isLate = true;
  }

  #asked(shared: SharedDecider, check: Check, i: number, decision: Decision): void {
    const refusal = this.#settle(check.limits[i]!, check.exchange, decision);
    if (refusal === null) this.#ask(shared, check, i + 1);
    else check.done(refusal);
  }

  #settle(compiled: CompiledLimit, exchange: Exchange, decision: Decision): GatewayError | null {
    if (!decision.allowed) return this.#exceeded(compiled, exchange, decision);
    if (!compiled.isShadow) show(compiled, exchange, decision);
    return null;
  }

  #exceeded(compiled: CompiledLimit, exchange: Exchange, decision: Decision): GatewayError | null {
    const { limit, key, isShadow, message } = compiled;
    this.#event({
      type: "rate_limit.exceeded",
      limit: limit.name,
      route: exchange.route?.id ?? null,
      by: key.by,
      requestId: exchange.id,
      mode: isShadow ? "shadow" : "enforce",
    });
    if (isShadow) return null;
    exchange.rate = stateOf(compiled, decision);
    return new GatewayError("rate_limited", `limit ${limit.name}, by ${key.by}`, {
      publicDetail: message,
      retryAfterSeconds: retryAfterSeconds(decision.retryAfterMs),
    });
  }

  #compile(spec: RateLimitSpec): CompiledLimit {
    const limit = new Limit(spec.name, spec);
    return {
      limit,
      key: compileRateKey(spec.by, this.#shared !== null),
      isShadow: spec.mode === "shadow",
      message: spec.message ?? undefined,
      policy: rateLimitPolicy(limit),
      quotedName: quoted(spec.name),
    };
  }
}

interface Check {
  readonly limits: LimitList;
  readonly exchange: Exchange;
  readonly done: Verdict;
}

function listOf(limits: LimitList): LimitList | null {
  return limits.length === 0 ? null : limits;
}

/** A reply speaks of the limit that its client meets first. */
function show(compiled: CompiledLimit, exchange: Exchange, decision: Decision): void {
  const { rate } = exchange;
  if (rate === null || isTighter(decision, rate)) exchange.rate = stateOf(compiled, decision);
}

function isTighter(one: Counted, other: Counted): boolean {
  return one.remaining === other.remaining ? one.resetMs > other.resetMs : one.remaining < other.remaining;
}

function stateOf({ policy, quotedName }: CompiledLimit, { remaining, resetMs }: Counted) {
  return { policy, quotedName, remaining, resetMs };
}

type Counted = Pick<Decision, "remaining" | "resetMs">;
