import type { Random } from "../../model/ports.ts";
import { HORIZON_US, type SharedTable } from "./shared-table.ts";

export interface LimitSpec {
  /** Requests a window. */
  readonly max: number;
  readonly windowMs: number;
  /** Requests at once after a pause; default `max`. */
  readonly burst?: number;
}

export interface Decision {
  readonly allowed: boolean;
  /** Requests that would be allowed at this moment. */
  readonly remaining: number;
  /** Milliseconds until the next one is allowed; 0 when this one was. */
  readonly retryAfterMs: number;
  /** Milliseconds until everything is refilled. */
  readonly resetMs: number;
}

/** A clock that has stepped back by more than this is believed: what lies further ahead is forgotten. */
const STEP_BACK_US = 5e6;
/** Wall clocks tell milliseconds: a shorter burst would let through one request a step. */
const CLOCK_STEP_US = 1000;
/** Each lost swap is another process's decision that went through; so many in a row take other processes that do nothing else. */
const TRIES = 512;
/** Lost swaps before a process waits between its tries. */
const STUBBORN = 8;

/** A limit ready for decisions. The name tells its keys from those of others; the same in all processes. */
export class Limit {
  readonly max: number;
  readonly windowMs: number;
  readonly burst: number;
  /** One request's share of the window. */
  readonly intervalUs: number;
  /** How far the arrival time may lie ahead before a request, for it to be allowed. */
  readonly toleranceUs: number;
  readonly spanUs: number;

  /** @throws when a number is out of range */
  constructor(
    readonly name: string,
    spec: LimitSpec,
  ) {
    const { max, windowMs, burst = max } = spec;
    if (!(max > 0 && max <= 1e9)) throw new RangeError(`limit ${name}: max is ${max}; it is above 0, up to 1e9`);
    if (!(burst >= 1 && burst <= 1e9)) throw new RangeError(`limit ${name}: burst is ${burst}; it is 1 to 1e9`);
    if (!(windowMs >= 1)) throw new RangeError(`limit ${name}: the window is ${windowMs} ms; it is 1 ms or more`);
    this.max = max;
    this.windowMs = windowMs;
    this.burst = burst;
    this.intervalUs = (windowMs * 1000) / max;
    // Each of a burst's steps is rounded by less than one µs.
    const rounding = Number.isInteger(this.intervalUs) ? 0 : Math.min(burst, this.intervalUs / 2);
    this.toleranceUs = Math.max((burst - 1) * this.intervalUs + rounding, CLOCK_STEP_US);
    this.spanUs = this.toleranceUs + this.intervalUs;
    if (this.spanUs > HORIZON_US - STEP_BACK_US)
      throw new RangeError(`limit ${name}: ${burst} requests take longer than 30 days to refill; use a shorter window`);
  }
}

/** What a limiter writes its answer to. */
export class MutableDecision implements Decision {
  allowed = true;
  remaining = 0;
  retryAfterMs = 0;
  resetMs = 0;

  /** @param aheadUs of the arrival time before this request, 0 when it has passed */
  settle(limit: Limit, aheadUs: number, allowed: boolean): this {
    const after = allowed ? aheadUs + limit.intervalUs : aheadUs;
    const room = limit.toleranceUs - after;
    this.allowed = allowed;
    this.remaining = room < 0 ? 0 : Math.min(limit.burst - 1, Math.floor(room / limit.intervalUs) + 1);
    this.retryAfterMs = allowed ? 0 : -room / 1000;
    this.resetMs = after / 1000;
    return this;
  }
}

/**
 * Rate limits by the generic cell rate algorithm (ITU-T I.371), exact over all processes that share the table. A key's theoretical
 * arrival time moves one interval (`windowMs / max`) on with each allowed request and may lie `burst` intervals ahead: `burst`
 * requests at once, then one an interval. In any time T at most `burst + T × max / windowMs` are allowed. A refused request costs
 * nothing and moves nothing.
 */
export class LocalLimiter {
  /** Decisions that lost every try and were allowed uncounted. */
  contended = 0;
  readonly #table: SharedTable;
  readonly #random: Random;
  readonly #decision = new MutableDecision();
  readonly #seeds = new WeakMap<Limit, bigint>();
  #lastLimit: Limit | null = null;
  #lastSeed = 0n;

  constructor(table: SharedTable, random: Random = Math.random) {
    this.#table = table;
    this.#random = random;
  }

  /**
   * Decides one request. The answer is overwritten by the next call.
   * @param nowWallMs the clock of all processes that share the table. When it steps back, a key that is used up waits at most
   * its refill time and five seconds longer.
   */
  take(key: string, limit: Limit, nowWallMs: number): Decision {
    const table = this.#table;
    const nowUs = Math.floor(nowWallMs * 1000);
    table.aim(key, this.#seedOf(limit));
    let ahead = this.#believed(table.read(nowUs), limit);
    for (let tries = 0; tries < TRIES; tries++) {
      if (ahead > limit.toleranceUs) return this.#decision.settle(limit, ahead, false);
      if (table.write(nowUs + ahead + this.#step(limit))) return this.#decision.settle(limit, ahead, true);
      // Who loses in step goes out of step, then learns by one more lost swap what there is now.
      if (tries >= STUBBORN && tries % 2 === 0) table.linger(this.#random() * tries * 4);
      ahead = this.#believed(table.readAgain(nowUs), limit);
    }
    this.contended++;
    return this.#decision.settle(limit, 0, true);
  }

  #believed(ahead: number, limit: Limit): number {
    return ahead <= 0 || ahead > limit.spanUs + STEP_BACK_US ? 0 : ahead;
  }

  // Whole µs are stored. A fraction is rounded up as often as it is large: right on average for every key, whatever the order.
  #step({ intervalUs }: Limit): number {
    const whole = Math.floor(intervalUs);
    return intervalUs > whole && this.#random() < intervalUs - whole ? whole + 1 : whole;
  }

  #seedOf(limit: Limit): bigint {
    if (limit === this.#lastLimit) return this.#lastSeed;
    let seed = this.#seeds.get(limit);
    if (seed === undefined) this.#seeds.set(limit, (seed = this.#table.seedFor(limit.name)));
    this.#lastLimit = limit;
    return (this.#lastSeed = seed);
  }
}
