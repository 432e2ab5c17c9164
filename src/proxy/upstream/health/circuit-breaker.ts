import {
  BY_COUNT,
  BY_PROBE,
  BY_RATIO,
  BY_ROW,
  beganBefore,
  type Cause,
  causeOf,
  CLOSED,
  HALF_OPEN,
  type Kind,
  kindOf,
  OPEN,
  sinceMs,
  stampOf,
  stateWord,
} from "./breaker-word.ts";
import { inSeconds } from "./durations.ts";
import { PROBE_WORDS, ProbeTickets } from "./probe-tickets.ts";
import { ROLLING_WORDS, RollingCounts } from "./rolling-counts.ts";

/** Durations in ms, each up to a day; null: that threshold is off. */
export interface BreakerSettings {
  /** Failures in a row. */
  readonly consecutiveFailures: number | null;
  /** Failures within the window, however many succeed. */
  readonly failures: number | null;
  /** 0 to 1: share of failures within the window, once it has `minimumRequests`. */
  readonly failureRatio: number | null;
  readonly minimumRequests: number;
  readonly windowMs: number;
  readonly openMs: number;
  /** Probes at once while half-open. */
  readonly halfOpenRequests: number;
  /** Probes that must succeed to close it; one that fails opens it again. */
  readonly successThreshold: number;
  /** A slower call is a failure. */
  readonly slowMs: number | null;
  /** A probe that was not heard of for so long is given up: its worker may be dead. */
  readonly probeMs: number;
}

export type BreakerState = "closed" | "open" | "half-open";

/** Told once on the whole machine: by the process that made the change. */
export interface BreakerChange {
  readonly from: BreakerState;
  readonly to: BreakerState;
  readonly reason: string;
}

export interface BreakerOptions {
  /** Added to every `now`: see `machineClockOffset`. 0 where the words are this process's own. */
  readonly clockOffsetMs: number;
  readonly onChange: (change: BreakerChange) => void;
  /** Asked when a threshold is crossed; no: it stays closed, and the next failure asks again. Default: it may. */
  readonly mayOpen?: () => boolean;
}

const STATE = 0;
const IN_A_ROW = 1;
const TICKETS = 2;
/** When a call last succeeded; 0: never. */
const SUCCEEDED_AT = 5;
const COUNTS = 8;
/** Two cache lines. */
export const BREAKER_WORDS = 32;

const NAMES: Readonly<Record<Kind, BreakerState>> = { [CLOSED]: "closed", [OPEN]: "open", [HALF_OPEN]: "half-open" };

/**
 * A circuit breaker in memory that all workers may share: instances over the same words behave as one. No locks: each decision is
 * one compare-and-swap, and a worker that dies leaves nothing behind but a probe that expires.
 *
 * Ask `allows`; where it says yes, tell the outcome with exactly one of `succeeded`, `failed`, `cancelled`. All take `now` of the
 * same monotonic clock, and `latencyMs` since `allows`: what began before the last change says nothing about the state since.
 */
export class CircuitBreaker {
  readonly #words: Int32Array;
  readonly #settings: BreakerSettings;
  readonly #options: BreakerOptions;
  readonly #tickets: ProbeTickets;
  readonly #failures: RollingCounts;
  readonly #successes: RollingCounts;
  readonly #hasWindow: boolean;

  /** @param words `BREAKER_WORDS` of them, zeros at first: closed. */
  constructor(words: Int32Array, settings: BreakerSettings, options: BreakerOptions) {
    this.#words = words;
    this.#settings = settings;
    this.#options = options;
    this.#tickets = new ProbeTickets(words.subarray(TICKETS, TICKETS + PROBE_WORDS), settings);
    this.#failures = new RollingCounts(words.subarray(COUNTS, COUNTS + ROLLING_WORDS), settings.windowMs);
    this.#successes = new RollingCounts(
      words.subarray(COUNTS + ROLLING_WORDS, COUNTS + 2 * ROLLING_WORDS),
      settings.windowMs,
    );
    this.#hasWindow = settings.failures !== null || settings.failureRatio !== null;
  }

  /** May a call be made? While half-open, yes takes one of the probes. */
  allows(now: number): boolean {
    const word = Atomics.load(this.#words, STATE);
    return kindOf(word) === CLOSED || this.#allowsProbe(word, now + this.#options.clockOffsetMs);
  }

  /** Would `allows` say yes? Takes nothing: for choosing among endpoints. */
  mayAllow(now: number): boolean {
    const at = now + this.#options.clockOffsetMs;
    const word = Atomics.load(this.#words, STATE);
    if (kindOf(word) === CLOSED) return true;
    if (kindOf(word) === OPEN) return sinceMs(word, at) >= this.#settings.openMs;
    return this.#tickets.isAnyLeft(word, at);
  }

  succeeded(now: number, latencyMs: number): void {
    const { slowMs } = this.#settings;
    if (slowMs !== null && latencyMs > slowMs) return this.failed(now, latencyMs);
    const at = now + this.#options.clockOffsetMs;
    const word = Atomics.load(this.#words, STATE);
    if (kindOf(word) === CLOSED) {
      // Looked at before it is written: all is well most of the time, and the line stays in every core's cache.
      if (Atomics.load(this.#words, IN_A_ROW) !== 0) Atomics.store(this.#words, IN_A_ROW, 0);
      const stamp = stampOf(at);
      if (Atomics.load(this.#words, SUCCEEDED_AT) !== stamp) Atomics.store(this.#words, SUCCEEDED_AT, stamp);
      if (this.#hasWindow) this.#successes.add(at);
      return;
    }
    if (kindOf(word) !== HALF_OPEN || beganBefore(word, at, latencyMs)) return;
    this.#tickets.giveBack(word);
    if (this.#tickets.addSuccess(word) < this.#settings.successThreshold) return;
    // Before it closes: nothing is counted while it is half-open, and who dies in between loses nothing.
    this.#forget();
    this.#become(word, CLOSED, { cause: BY_PROBE, at });
  }

  failed(now: number, latencyMs: number): void {
    const at = now + this.#options.clockOffsetMs;
    const word = Atomics.load(this.#words, STATE);
    const kind = kindOf(word);
    if (kind === OPEN || beganBefore(word, at, latencyMs)) return;
    const cause = kind === HALF_OPEN ? BY_PROBE : this.#countFailure(at, latencyMs);
    if (cause === null || (kind === CLOSED && this.#options.mayOpen?.() === false)) return;
    if (!this.#become(word, OPEN, { cause, at })) return;
    this.#forget();
    this.#tickets.clear();
  }

  /** The call ended without saying anything about the other side: the client went away. */
  cancelled(now: number, latencyMs: number): void {
    const word = Atomics.load(this.#words, STATE);
    if (kindOf(word) !== HALF_OPEN) return;
    if (!beganBefore(word, now + this.#options.clockOffsetMs, latencyMs)) this.#tickets.giveBack(word);
  }

  /** An open breaker is open until somebody asks after `openMs`. */
  get state(): BreakerState {
    return NAMES[kindOf(Atomics.load(this.#words, STATE))];
  }

  /** Until it will probe; 0 unless it is open. For `Retry-After`. */
  probesInMs(now: number): number {
    const word = Atomics.load(this.#words, STATE);
    if (kindOf(word) !== OPEN) return 0;
    return Math.max(0, this.#settings.openMs - sinceMs(word, now + this.#options.clockOffsetMs));
  }

  /** For people: "open for 12 s more: 5 failures in a row". */
  describe(now: number): string {
    const word = Atomics.load(this.#words, STATE);
    if (kindOf(word) === CLOSED) return "closed";
    if (kindOf(word) === HALF_OPEN)
      return `half-open: ${this.#tickets.successes(word)} of ${this.#settings.successThreshold} probes succeeded`;
    const left = this.probesInMs(now);
    const reason = this.#reasonOf(OPEN, causeOf(word));
    return left > 0 ? `open for ${inSeconds(left)} more: ${reason}` : `open, about to probe: ${reason}`;
  }

  #allowsProbe(seen: number, at: number): boolean {
    let word = seen;
    if (kindOf(word) === OPEN) {
      if (sinceMs(word, at) < this.#settings.openMs) return false;
      this.#become(word, HALF_OPEN, { cause: causeOf(word), at });
      word = Atomics.load(this.#words, STATE);
    }
    // Whoever was first, it may be half-open, or even closed or open again by now.
    if (kindOf(word) !== HALF_OPEN) return kindOf(word) === CLOSED;
    return this.#tickets.take(word, at);
  }

  /** @returns the threshold this failure has crossed, or null. */
  #countFailure(at: number, latencyMs: number): Cause | null {
    const { consecutiveFailures, failures, failureRatio, minimumRequests } = this.#settings;
    const inARow = this.#hasSucceededWithin(latencyMs, at) ? 0 : Atomics.add(this.#words, IN_A_ROW, 1) + 1;
    if (this.#hasWindow) this.#failures.add(at);
    if (consecutiveFailures !== null && inARow >= consecutiveFailures) return BY_ROW;
    if (!this.#hasWindow) return null;
    const failed = this.#failures.sum(at);
    if (failures !== null && failed >= failures) return BY_COUNT;
    if (failureRatio === null) return null;
    const all = failed + this.#successes.sum(at);
    return all >= minimumRequests && failed >= failureRatio * all ? BY_RATIO : null;
  }

  /**
   * Others succeeded while a call was under way: then it is none of a row. Calls that hang at one sick endpoint of several time out
   * together, and would look like an upstream that is down.
   */
  #hasSucceededWithin(latencyMs: number, at: number): boolean {
    const stamp = Atomics.load(this.#words, SUCCEEDED_AT);
    return stamp !== 0 && sinceMs(stamp, at) < latencyMs;
  }

  /** @returns whether it was we who made the change. */
  #become(word: number, to: Kind, { cause, at }: { cause: Cause; at: number }): boolean {
    if (Atomics.compareExchange(this.#words, STATE, word, stateWord(to, cause, at)) !== word) return false;
    this.#options.onChange({ from: NAMES[kindOf(word)], to: NAMES[to], reason: this.#reasonOf(to, cause) });
    return true;
  }

  /** What led here must not lead here again. */
  #forget(): void {
    Atomics.store(this.#words, IN_A_ROW, 0);
    this.#failures.clear();
    this.#successes.clear();
  }

  #reasonOf(kind: Kind, cause: Cause): string {
    const settings = this.#settings;
    if (kind === CLOSED) return `${settings.successThreshold} probes in a row succeeded`;
    const within = `within ${inSeconds(settings.windowMs)}`;
    switch (cause) {
      case BY_ROW:
        return `${settings.consecutiveFailures} failures in a row`;
      case BY_COUNT:
        return `${settings.failures} failures ${within}`;
      case BY_RATIO:
        return `${percent(settings.failureRatio)} of at least ${settings.minimumRequests} calls failed ${within}`;
      case BY_PROBE:
        return "a probe failed";
    }
  }
}

function percent(share: number | null): string {
  return `${Math.round((share ?? 0) * 1000) / 10} %`;
}
