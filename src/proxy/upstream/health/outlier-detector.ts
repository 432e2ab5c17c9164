import { inSeconds } from "./durations.ts";
import { Outcome, type OutcomeKind, OutlierRecord } from "./outlier-record.ts";

/** Durations in ms; null: that test is off. */
export interface OutlierSettings {
  /** Replies of 500 and above, or gateway errors, in a row. */
  readonly consecutive5xx: number | null;
  readonly consecutiveGatewayErrors: number | null;
  /** 0 to 1: share of failures in an interval with `minimumRequests`. */
  readonly failureRatio: number | null;
  readonly minimumRequests: number;
  readonly intervalMs: number;
  readonly slow: SlowSettings | null;
  /** The first ejection lasts this long, the second twice as long … up to `maxEjectMs`. */
  readonly ejectMs: number;
  readonly maxEjectMs: number;
  /** 0 to 1: share of the endpoints that may be out at once; one of two or more always may, unless it is 0. */
  readonly maxEjected: number;
}

export interface SlowSettings {
  /** Times the median of the others. */
  readonly factor: number;
  /** A difference below this is nothing, whatever the factor. */
  readonly atLeastMs: number;
  /** Replies that must have been measured, of it and of each one it is compared with. */
  readonly minimumRequests: number;
}

export interface Ejection {
  readonly endpoint: string;
  readonly isEjected: boolean;
  /** 0 when it is back. */
  readonly forMs: number;
  /** "ejected for 30 s: 5 consecutive gateway errors". */
  readonly reason: string;
}

/**
 * Learns from real traffic which endpoints of one upstream are worse than the others and ejects them for a while. Each worker
 * judges by what it saw itself. An observation costs O(1) and allocates nothing; comparing is left to `tick`.
 */
export class OutlierDetector {
  readonly #settings: OutlierSettings;
  readonly #onChange: (ejection: Ejection) => void;
  readonly #records = new Map<string, OutlierRecord>();
  #ejected = 0;
  #intervalEnds = Number.NEGATIVE_INFINITY;

  constructor(settings: OutlierSettings, onChange: (ejection: Ejection) => void) {
    this.#settings = settings;
    this.#onChange = onChange;
  }

  /** The record of an endpoint, new or known: what its attempts are told to. */
  track(endpoint: string): OutlierRecord {
    let record = this.#records.get(endpoint);
    if (record === undefined) this.#records.set(endpoint, (record = new OutlierRecord(endpoint)));
    return record;
  }

  /** Only these are still endpoints. */
  keepOnly(endpoints: ReadonlySet<string>): void {
    for (const record of this.#records.values()) {
      if (endpoints.has(record.endpoint)) continue;
      if (record.isEjected) this.#ejected--;
      this.#records.delete(record.endpoint);
    }
  }

  /** @param latencyMs to the reply's head; counts for `ok` only: a refusal is quick. */
  observe(record: OutlierRecord, outcome: OutcomeKind, latencyMs: number, now: number): void {
    // What was under way when it was ejected says nothing new.
    if (record.isEjected) return;
    record.requests++;
    if (outcome === Outcome.ok) {
      record.serverErrorsInARow = 0;
      record.gatewayErrorsInARow = 0;
      if (this.#settings.slow !== null) record.measure(latencyMs);
      return;
    }
    record.failures++;
    record.serverErrorsInARow++;
    if (outcome === Outcome.gatewayError) record.gatewayErrorsInARow++;
    else record.gatewayErrorsInARow = 0;
    this.#judgeRow(record, now);
  }

  /** Lets the ejected return, compares latencies, and closes the interval when it is over. Call it once a second or so. */
  tick(now: number): void {
    for (const record of this.#records.values()) {
      if (record.isEjected && now >= record.until) this.#takeBack(record, now);
    }
    if (this.#settings.slow !== null) this.#judgeLatencies(this.#settings.slow, now);
    if (now < this.#intervalEnds) return;
    const isFirst = this.#intervalEnds === Number.NEGATIVE_INFINITY;
    this.#intervalEnds = now + this.#settings.intervalMs;
    if (!isFirst) this.#closeInterval(now);
  }

  get ejected(): number {
    return this.#ejected;
  }

  #judgeRow(record: OutlierRecord, now: number): void {
    const { consecutive5xx, consecutiveGatewayErrors } = this.#settings;
    if (consecutiveGatewayErrors !== null && record.gatewayErrorsInARow >= consecutiveGatewayErrors) {
      this.#eject(record, now, { what: "consecutive gateway errors", count: record.gatewayErrorsInARow });
    } else if (consecutive5xx !== null && record.serverErrorsInARow >= consecutive5xx) {
      this.#eject(record, now, { what: "consecutive failures (5xx or no reply)", count: record.serverErrorsInARow });
    }
  }

  #judgeLatencies(slow: SlowSettings, now: number): void {
    const measured = [...this.#records.values()].filter((r) => !r.isEjected && r.measured >= slow.minimumRequests);
    if (measured.length < 2) return;
    measured.sort((a, b) => a.latencyMs - b.latencyMs);
    // From the slowest: once one of them is fine, so are the rest.
    for (let i = measured.length - 1; i > 0; i--) {
      const record = measured[i]!;
      const median = measured[(i - 1) >> 1]!.latencyMs;
      const { latencyMs } = record;
      if (latencyMs <= median * slow.factor || latencyMs - median < slow.atLeastMs) return;
      const others = i === 1 ? "the other's" : "the others' median";
      this.#eject(record, now, {
        what: `on average, ${others} is ${inMs(median)}`,
        count: inMs(latencyMs),
        isSlow: true,
      });
    }
  }

  #closeInterval(now: number): void {
    const { failureRatio, minimumRequests, intervalMs } = this.#settings;
    for (const record of this.#records.values()) {
      const { requests, failures } = record;
      record.requests = 0;
      record.failures = 0;
      if (record.isEjected) continue;
      if (failureRatio !== null && requests >= minimumRequests && failures >= failureRatio * requests) {
        this.#eject(record, now, { what: `of ${requests} requests failed`, count: failures });
      } else {
        // A whole interval: the rest of one, after its return, proves little.
        if (now - record.returnedAt >= intervalMs) record.ejections = Math.max(0, record.ejections - 1);
        if (record.serverErrorsInARow === 0) record.reason = "";
      }
    }
  }

  #eject(record: OutlierRecord, now: number, why: { count: number | string; what: string; isSlow?: true }): void {
    const because = `${why.count} ${why.what}`;
    if (this.#ejected >= this.#mayBeOut() && why.isSlow === undefined) this.#takeBackSlow(now);
    if (this.#ejected >= this.#mayBeOut()) {
      record.reason = `would be ejected (${because}), but ${this.#ejected} of ${this.#records.size} are out already`;
      return;
    }
    this.#ejected++;
    record.ejections++;
    const forMs = Math.min(this.#settings.ejectMs * record.ejections, this.#settings.maxEjectMs);
    record.forget();
    record.until = now + forMs;
    record.isSlow = why.isSlow === true;
    record.reason = `ejected for ${inSeconds(forMs)}: ${because}`;
    this.#onChange({ endpoint: record.endpoint, isEjected: true, forMs, reason: record.reason });
  }

  /** Late answers are better than none: one that is only slow makes room for one that fails. */
  #takeBackSlow(now: number): void {
    for (const record of this.#records.values()) {
      if (record.isEjected && record.isSlow)
        return this.#takeBack(record, now, "it is only slow, and another one fails");
    }
  }

  #takeBack(record: OutlierRecord, now: number, reason = "its ejection is over"): void {
    this.#ejected--;
    record.forget();
    record.until = 0;
    record.returnedAt = now;
    this.#onChange({ endpoint: record.endpoint, isEjected: false, forMs: 0, reason });
  }

  /** The only endpoint is never ejected: there is nobody better. */
  #mayBeOut(): number {
    const { size } = this.#records;
    if (size < 2 || this.#settings.maxEjected === 0) return 0;
    return Math.max(1, Math.floor(size * this.#settings.maxEjected + 1e-9));
  }
}

function inMs(ms: number): string {
  return ms < 10 ? `${Math.round(ms * 10) / 10} ms` : `${Math.round(ms)} ms`;
}
