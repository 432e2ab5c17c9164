import type { CounterReader } from "../counters.ts";
import { EVENT_LOOP, inTurns, type Pace, Turn } from "./pace.ts";
import { quantileMs } from "./quantile.ts";
import { Ring } from "./ring.ts";
import { LATENCY_BUCKETS_MS, SlotTotals } from "./slot-totals.ts";

/** `GET /api/metrics`, as FlexGate shaped it. Latencies in ms; rates of errors and availability in percent. */
export interface MetricsSummary {
  readonly summary: {
    /** Since the start. The others are of the last ten minutes. */
    readonly totalRequests: number;
    readonly avgLatency: number;
    /** Of replies with 500 or above. */
    readonly errorRate: number;
    /** What is left of 100. */
    readonly availability: number;
    readonly p50Latency: number;
    readonly p95Latency: number;
    readonly p99Latency: number;
  };
  readonly requestRate: {
    readonly name: "Request Rate";
    /** Oldest first, one for each sample. */
    readonly data: ReadonlyArray<{ readonly timestamp: string; readonly value: number }>;
    readonly unit: "req/s";
  };
  /** Since the start. */
  readonly statusCodes: ReadonlyArray<{ readonly code: number; readonly count: number }>;
}

/** Where requests are counted. */
export interface RequestSlots {
  /** Those of routes, also of such as are gone, and the one for what matched none. */
  slots(): Iterable<number>;
  /** What was counted in slots that have other holders now. */
  readonly forgotten: SlotTotals;
}

export interface SummaryOptions {
  readonly counters: CounterReader;
  readonly requests: RequestSlots;
  /** Monotonic ms, and ms since the epoch. */
  readonly clock: { now(): number; wall(): number };
  readonly pace?: Pace;
}

export const SAMPLE_MS = 5000;
/** Ten minutes. */
const SAMPLES = 120;

/** All routes together, since the start. */
interface Totals {
  readonly requests: number;
  readonly errors: number;
  readonly sumMs: number;
  readonly buckets: readonly number[];
}

interface Sample extends Totals {
  readonly at: number;
  readonly wall: number;
}

const NOTHING: Totals = {
  requests: 0,
  errors: 0,
  sumMs: 0,
  buckets: Array<number>(LATENCY_BUCKETS_MS.length + 1).fill(0),
};

/** What happened lately, for people and dashboards. `sample` is called every `SAMPLE_MS` by whoever has the clock. */
export class SummarySampler {
  readonly #options: SummaryOptions;
  readonly #samples = new Ring<Sample>(SAMPLES + 1);
  #summing: Promise<SlotTotals> | null = null;

  constructor(options: SummaryOptions) {
    this.#options = options;
    this.#samples.push(this.#sampleOf(NOTHING));
  }

  async sample(): Promise<void> {
    this.#samples.push(this.#sampleOf(totalsOf(await this.#sum())));
  }

  async summary(): Promise<MetricsSummary> {
    const sum = await this.#sum();
    const now = this.#sampleOf(totalsOf(sum));
    const samples = this.#samples.all;
    const lately = difference(now, samples[0]!);
    const errorRate = percent(lately.errors, lately.requests);
    const measured = lately.buckets.reduce((all, count) => all + count, 0);
    return {
      summary: {
        totalRequests: now.requests,
        avgLatency: rounded(measured === 0 ? 0 : lately.sumMs / measured),
        errorRate,
        availability: rounded(100 - errorRate),
        p50Latency: rounded(quantileMs(lately.buckets, 0.5)),
        p95Latency: rounded(quantileMs(lately.buckets, 0.95)),
        p99Latency: rounded(quantileMs(lately.buckets, 0.99)),
      },
      requestRate: { name: "Request Rate", data: ratesOf(samples), unit: "req/s" },
      statusCodes: statusCodesOf(sum),
    };
  }

  /** One at a time: who asks meanwhile gets the same. */
  #sum(): Promise<SlotTotals> {
    this.#summing ??= this.#sumNow().finally(() => (this.#summing = null));
    return this.#summing;
  }

  async #sumNow(): Promise<SlotTotals> {
    const { counters, requests, pace = EVENT_LOOP } = this.#options;
    const { forgotten } = requests;
    const turn = new Turn(pace);
    for (;;) {
      const before = forgotten.requests;
      const sum = new SlotTotals().merge(forgotten);
      await inTurns(requests.slots(), (slot) => void sum.merge(counters.read(slot)), turn);
      // A slot that was given away meanwhile is in both, or in neither.
      if (forgotten.requests === before) return sum;
    }
  }

  #sampleOf(totals: Totals): Sample {
    const { clock } = this.#options;
    return { ...totals, at: clock.now(), wall: clock.wall() };
  }
}

function totalsOf(sum: SlotTotals): Totals {
  const { requests, sumMs, buckets, byStatusClass } = sum;
  return { requests, errors: byStatusClass[4]!, sumMs, buckets };
}

function difference(now: Totals, before: Totals): Totals {
  return {
    requests: now.requests - before.requests,
    errors: now.errors - before.errors,
    sumMs: now.sumMs - before.sumMs,
    buckets: now.buckets.map((count, i) => count - before.buckets[i]!),
  };
}

function ratesOf(samples: readonly Sample[]): Array<{ timestamp: string; value: number }> {
  return samples.slice(1).map((sample, i) => {
    const before = samples[i]!;
    const seconds = Math.max(1, sample.at - before.at) / 1000;
    const value = rounded(Math.max(0, sample.requests - before.requests) / seconds);
    return { timestamp: new Date(sample.wall).toISOString(), value };
  });
}

function statusCodesOf({ kinds, unsorted }: SlotTotals): Array<{ code: number; count: number }> {
  const counts = new Map<number, number>();
  // What was not told apart counts as the x00 of its class, which it may be treated as (RFC 9110 §15).
  const classes = unsorted.map((count, i) => ({ status: i < 5 ? 100 * (i + 1) : 0, count }));
  for (const { status, count } of [...kinds, ...classes])
    if (count > 0) counts.set(status, (counts.get(status) ?? 0) + count);
  return [...counts].map(([code, count]) => ({ code, count })).sort((a, b) => a.code - b.code);
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : rounded((100 * part) / whole);
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
