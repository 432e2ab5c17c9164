import type { Clock, Random } from "../../../model/ports.ts";
import type { Later } from "../later.ts";
import { DnsFailure } from "./dns-exchange.ts";
import { type DnsEndpoint, type LookUp, lookUp, type TargetMemory } from "./dns-look-up.ts";
import type { DnsResolver } from "./dns-resolver.ts";
import type { DnsSpec } from "./dns-spec.ts";

/**
 * `asking`: nobody has answered yet. `fresh`: as DNS says. `stale`: the last good answer, for DNS is away or has only just said that
 * there is nothing. `absent`: there is nothing.
 */
export type DnsStatus = "asking" | "fresh" | "stale" | "absent";

export interface DnsState {
  readonly spec: DnsSpec;
  readonly endpoints: readonly DnsEndpoint[];
  readonly status: DnsStatus;
  /** Why it is not fresh; "" when it is. */
  readonly detail: string;
}

export interface NameWatchParts {
  readonly resolver: DnsResolver;
  readonly clock: Clock;
  readonly random: Random;
  readonly later: Later;
  /** Runs look-ups, not too many at once. */
  readonly inTurn: (work: () => Promise<void>) => Promise<void>;
  readonly onChange: () => void;
  readonly onFailure: (name: string, error: unknown) => void;
  /** How long a name that has gone keeps its endpoints. */
  readonly graceMs: number;
}

const LEAST_MS = 1_000;
const MOST_MS = 300_000;
/** After a failure: 1 s, 2 s, 4 s … */
const MOST_BACK_OFF_MS = 30_000;
const JITTER = 0.1;

/** One name: asked again when its answer has run out, one question at a time. */
export class NameWatch {
  state: DnsState;
  /** How many watch it. */
  watchers = 0;
  readonly #parts: NameWatchParts;
  readonly #memory: TargetMemory = new Map();
  readonly #abort = new AbortController();
  #failures = 0;
  /** Since when DNS says that there is nothing; null: it does not. */
  #absentSince: number | null = null;
  #takeBack: () => void = () => undefined;

  constructor(spec: DnsSpec, parts: NameWatchParts) {
    this.#parts = parts;
    this.state = { spec, endpoints: [], status: "asking", detail: "" };
  }

  start(): void {
    void this.#parts.inTurn(() => this.#ask());
  }

  stop(): void {
    this.#abort.abort();
    this.#takeBack();
  }

  async #ask(): Promise<void> {
    const { signal } = this.#abort;
    if (signal.aborted) return;
    let pauseMs: number;
    try {
      const answer = await lookUp(this.state.spec, this.#parts.resolver, this.#memory, signal);
      if (signal.aborted) return;
      pauseMs = answer.endpoints.length > 0 ? this.#answered(answer) : this.#nothing(answer);
    } catch (error) {
      if (signal.aborted) return;
      pauseMs = this.#failed(error);
    }
    // Only ever later: an answer is not asked for again before it has run out, and names that began together drift apart.
    const jittered = pauseMs * (1 + JITTER * this.#parts.random());
    this.#takeBack = this.#parts.later(() => this.start(), jittered);
  }

  #answered({ endpoints, ttlMs }: LookUp): number {
    this.#failures = 0;
    this.#absentSince = null;
    this.#become(endpoints, "fresh", "");
    return Math.min(MOST_MS, Math.max(LEAST_MS, ttlMs));
  }

  #nothing({ ttlMs }: LookUp): number {
    const { clock, graceMs } = this.#parts;
    const { name } = this.state.spec;
    const now = clock.now();
    this.#failures = 0;
    this.#absentSince ??= now;
    const left = this.#absentSince + graceMs - now;
    const pause = Math.min(MOST_BACK_OFF_MS, Math.max(LEAST_MS, ttlMs));
    if (left <= 0 || this.state.endpoints.length === 0) {
      this.#become([], "absent", `DNS knows nothing under ${name}`);
      return pause;
    }
    this.#become(this.state.endpoints, "stale", `DNS knows nothing under ${name} any more`);
    return Math.min(pause, left);
  }

  #failed(error: unknown): number {
    // It is kept alive whatever happens; what is no failure of DNS is one of ours.
    if (!(error instanceof DnsFailure)) this.#parts.onFailure(this.state.spec.name, error);
    const why = error instanceof Error ? error.message : String(error);
    const { endpoints, status } = this.state;
    this.#become(endpoints, endpoints.length > 0 ? "stale" : status, why);
    return Math.min(MOST_BACK_OFF_MS, LEAST_MS * 2 ** Math.min(this.#failures++, 10));
  }

  #become(endpoints: readonly DnsEndpoint[], status: DnsStatus, detail: string): void {
    const { spec } = this.state;
    const next: DnsState = { spec, endpoints, status, detail };
    if (JSON.stringify(next) === JSON.stringify(this.state)) return;
    this.state = next;
    this.#parts.onChange();
  }
}
