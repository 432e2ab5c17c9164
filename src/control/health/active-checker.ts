import type { Clock, Random } from "../../model/ports.ts";
import type { EndpointSpec } from "../../model/snapshot-spec.ts";
import type { EndpointVerdict } from "../../proxy/upstream/health/health-registry.ts";
import { endpointId } from "../../proxy/upstream/endpoint.ts";
import type { CheckedUpstream, CreateProbe, ProbeResult } from "./check-spec.ts";
import { type CheckRun, CheckTarget } from "./check-target.ts";

/** What is known of one endpoint; `verdict` null: nothing yet, which counts as available. */
export interface CheckStatus {
  readonly upstream: string;
  readonly endpoint: string;
  /** With what the last check said. */
  readonly verdict: EndpointVerdict | null;
}

export interface CheckerParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly createProbe: CreateProbe;
  /** Hears of changes only. `isFirst`: nothing was known before. */
  readonly onVerdict: (verdict: EndpointVerdict, isFirst: boolean) => void;
  /** Checks under way at once; the others wait their turn. Default 64. */
  readonly maxAtOnce?: number;
}

/** How often deadlines and turns are looked at: fine enough for intervals of half a second. */
const TICK_MS = 25;
const JITTER = 0.1;

/**
 * Active health checks, once in a process tree: asks every endpoint from time to time and tells when a verdict changes. A check
 * that hangs is given up at its deadline whatever its probe does, so that one dead network keeps nobody else from being checked.
 */
export class ActiveChecker {
  readonly #parts: CheckerParts;
  readonly #maxAtOnce: number;
  #targets = new Map<string, CheckTarget>();
  readonly #running = new Set<CheckTarget>();
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(parts: CheckerParts) {
    this.#parts = parts;
    this.#maxAtOnce = parts.maxAtOnce ?? 64;
  }

  /** Begins to look at the clock by itself; tests call `tick` instead. */
  start(): void {
    this.#timer ??= setInterval(() => this.tick(), TICK_MS);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    for (const target of this.#running) abandon(target);
    this.#running.clear();
  }

  /** What is to be checked from now on. What stays keeps its verdict; what is checked in another way is checked at once. */
  update(upstreams: readonly CheckedUpstream[]): void {
    const before = this.#targets;
    this.#targets = new Map();
    for (const checked of upstreams) {
      for (const endpoint of checked.upstream.endpoints) {
        const id = endpointId(endpoint);
        const key = `${checked.upstream.name} ${id}`;
        this.#targets.set(key, this.#targetFor(before.get(key), checked, endpoint));
        before.delete(key);
      }
    }
    for (const gone of before.values()) this.#abandon(gone);
  }

  tick(): void {
    const now = this.#parts.clock.now();
    for (const target of this.#running) {
      const run = target.run!;
      if (now < run.deadline) continue;
      const { timeoutMs } = target.checked.active;
      this.#settle(target, run, { ok: false, reason: `no answer within ${timeoutMs} ms` });
    }
    this.#startDue(now);
  }

  /** Everything that is known: for the health view, and for a worker that has just started. */
  *statuses(): IterableIterator<CheckStatus> {
    for (const target of this.#targets.values())
      yield { upstream: target.upstream, endpoint: target.endpointId, verdict: verdictOf(target) };
  }

  #targetFor(known: CheckTarget | undefined, checked: CheckedUpstream, endpoint: EndpointSpec): CheckTarget {
    if (known === undefined) {
      const probe = this.#parts.createProbe(checked, endpoint);
      return new CheckTarget(checked, endpoint, { endpointId: endpointId(endpoint), probe });
    }
    if (wayOf(known.checked) !== wayOf(checked)) {
      this.#abandon(known);
      known.probe = this.#parts.createProbe(checked, endpoint);
      known.dueAt = 0;
    }
    known.checked = checked;
    return known;
  }

  #startDue(now: number): void {
    if (this.#running.size >= this.#maxAtOnce) return;
    const due = [...this.#targets.values()].filter((target) => target.run === null && target.dueAt <= now);
    // Who has waited longest goes first: too many endpoints are all checked less often, and none of them never.
    due.sort((a, b) => a.dueAt - b.dueAt);
    for (const target of due.slice(0, this.#maxAtOnce - this.#running.size)) this.#begin(target, now);
  }

  #begin(target: CheckTarget, now: number): void {
    const abort = new AbortController();
    const run: CheckRun = { abort, startedAt: now, deadline: now + target.checked.active.timeoutMs };
    target.run = run;
    this.#running.add(target);
    const failed = (cause: unknown) => this.#settle(target, run, { ok: false, reason: textOf(cause) });
    try {
      target.probe(abort.signal).then((result) => this.#settle(target, run, result), failed);
    } catch (cause) {
      failed(cause);
    }
  }

  #settle(target: CheckTarget, run: CheckRun, result: ProbeResult): void {
    // Given up, or no longer wanted.
    if (target.run !== run) return;
    this.#abandon(target);
    const { clock, random, onVerdict } = this.#parts;
    const now = clock.now();
    const interval = target.checked.active.intervalMs * (1 + JITTER * (2 * random() - 1));
    target.dueAt = Math.max(now, run.startedAt + interval);
    const isFirst = target.healthy === null;
    if (!target.record(result)) return;
    target.changedAt = clock.wall();
    onVerdict(verdictOf(target)!, isFirst);
  }

  #abandon(target: CheckTarget): void {
    this.#running.delete(target);
    abandon(target);
  }
}

function verdictOf({ upstream, endpointId, healthy, reason, changedAt }: CheckTarget): EndpointVerdict | null {
  return healthy === null ? null : { upstream, endpoint: endpointId, healthy, reason, at: changedAt };
}

function abandon(target: CheckTarget): void {
  const { run } = target;
  target.run = null;
  run?.abort.abort();
}

/** All that decides how an endpoint is checked. */
function wayOf({ upstream, active }: CheckedUpstream): string {
  return JSON.stringify([active, upstream.tls, upstream.protocol]);
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
