import { describe, expect, test } from "bun:test";
import { Counters, SLOT_SIZE } from "../../src/observability/counters.ts";
import { quantileMs } from "../../src/observability/metrics/quantile.ts";
import { EventBus } from "../../src/observability/event-bus.ts";
import { trackReloads } from "../../src/observability/metrics/reloads.ts";
import { LoopLag } from "../../src/observability/metrics/process-vitals.ts";
import { Ring } from "../../src/observability/metrics/ring.ts";
import { LATENCY_BUCKETS_MS, SlotTotals } from "../../src/observability/metrics/slot-totals.ts";
import { SAMPLE_MS, SummarySampler } from "../../src/observability/metrics/summary.ts";
import { exchange } from "./sample-page.ts";

/** A process with two routes; a test moves its time. */
class Stage {
  readonly counters = new Counters(new Float64Array(8 * SLOT_SIZE));
  readonly forgotten = new SlotTotals();
  now = 0;
  readonly sampler = new SummarySampler({
    counters: this.counters,
    requests: { slots: () => [0, 1, 2], forgotten: this.forgotten },
    clock: { now: () => this.now, wall: () => 1_790_000_000_000 + this.now },
  });

  send(count: number, ended: Parameters<typeof exchange>[0] = {}): this {
    for (let i = 0; i < count; i++) this.counters.record(exchange(ended));
    return this;
  }

  /** As the table of slots does. */
  giveAway(slot: number): this {
    this.forgotten.merge(this.counters.read(slot));
    this.counters.forget(slot);
    return this;
  }

  async pass(samples = 1): Promise<void> {
    for (let i = 0; i < samples; i++) {
      this.now += SAMPLE_MS;
      await this.sampler.sample();
    }
  }
}

describe("the summary", () => {
  test("of nothing is all zeros, and available", async () => {
    expect(await new Stage().sampler.summary()).toEqual({
      summary: {
        totalRequests: 0,
        avgLatency: 0,
        errorRate: 0,
        availability: 100,
        p50Latency: 0,
        p95Latency: 0,
        p99Latency: 0,
      },
      requestRate: { name: "Request Rate", data: [], unit: "req/s" },
      statusCodes: [],
    });
  });

  test("has latencies, errors and statuses at once, without waiting for a sample", async () => {
    const stage = new Stage()
      .send(90, { ms: 4 })
      .send(8, { slot: 2, status: 404, ms: 40 })
      .send(2, { status: 503, ms: 400 });
    stage.send(1, { slot: 0, status: 404, ms: 0.1 });
    const { summary, statusCodes } = await stage.sampler.summary();
    expect(summary).toMatchObject({ totalRequests: 101, errorRate: 1.98, availability: 98.02 });
    expect(summary.avgLatency).toBeCloseTo((90 * 4 + 8 * 40 + 2 * 400 + 0.1) / 101, 1);
    expect(summary.p50Latency).toBeWithin(2.5, 5);
    expect(summary.p95Latency).toBeWithin(25, 50);
    expect(summary.p99Latency).toBeWithin(250, 500);
    expect(statusCodes).toEqual([
      { code: 200, count: 90 },
      { code: 404, count: 9 },
      { code: 503, count: 2 },
    ]);
  });

  test("has requests a second, one point for five seconds, and as many as ten minutes have", async () => {
    const stage = new Stage();
    await stage.send(50).pass();
    await stage.pass();
    await stage.send(5).pass();
    const { data } = (await stage.sampler.summary()).requestRate;
    expect(data.map(({ value }) => value)).toEqual([10, 0, 1]);
    expect(data[0]!.timestamp).toBe(new Date(1_790_000_005_000).toISOString());
    await stage.pass(500);
    expect((await stage.sampler.summary()).requestRate.data).toHaveLength(120);
  });

  test("forgets old errors, but not old requests", async () => {
    const stage = new Stage().send(10, { status: 500, ms: 9000 });
    await stage.pass(121);
    stage.send(10, { ms: 4 });
    const { summary } = await stage.sampler.summary();
    expect(summary).toMatchObject({ totalRequests: 20, errorRate: 0, availability: 100 });
    expect(summary.p99Latency).toBeLessThan(6);
  });

  test("never goes back when a slot is given away", async () => {
    const stage = new Stage().send(10).send(5, { slot: 2 });
    await stage.pass();
    stage.giveAway(2).send(9, { slot: 2 });
    const { summary, statusCodes } = await stage.sampler.summary();
    expect(summary.totalRequests).toBe(24);
    expect(statusCodes).toEqual([{ code: 200, count: 24 }]);
  });

  test.each([1, 2])("has everything once when slot %d is given away while slots are read", async (slot) => {
    const counters = new Counters(new Float64Array(8 * SLOT_SIZE));
    const forgotten = new SlotTotals();
    let now = 0;
    let isGiven = false;
    // Each look at the clock ends a slice: after the first one, slot 1 was read and slot 2 was not.
    const rest = async () => {
      if (isGiven) return;
      isGiven = true;
      forgotten.merge(counters.read(slot));
      counters.forget(slot);
    };
    const sampler = new SummarySampler({
      counters,
      requests: { slots: () => [1, 2], forgotten },
      clock: { now: () => 0, wall: () => 0 },
      pace: { now: () => (now += 10), rest },
    });
    for (let i = 0; i < 5; i++) counters.record(exchange({ slot: 1 + (i % 2) }));
    expect((await sampler.summary()).summary.totalRequests).toBe(5);
  });

  test("is right for all who ask while another one reads", async () => {
    const counters = new Counters(new Float64Array(8 * SLOT_SIZE));
    const turns: Array<() => void> = [];
    let now = 0;
    // Each look at the clock ends a slice; the first reader is held up after its first slot.
    const rest = () => new Promise<void>((resolve) => (turns.length === 0 ? turns.push(resolve) : resolve()));
    const pace = { now: () => (now += 10), rest };
    const sampler = new SummarySampler({
      counters,
      requests: { slots: () => [1, 2], forgotten: new SlotTotals() },
      clock: { now: () => 0, wall: () => 0 },
      pace,
    });
    counters.record(exchange());
    const first = sampler.summary();
    for (let i = 0; i < 5; i++) counters.record(exchange());
    const second = sampler.summary();
    await new Promise((resolve) => setImmediate(resolve));
    turns[0]!();
    await Promise.all([first, second]);
    expect((await sampler.summary()).summary.totalRequests).toBe(6);
  });
});

describe("a quantile", () => {
  const counts = (...at: Array<[bucket: number, count: number]>) => {
    const all = Array<number>(LATENCY_BUCKETS_MS.length + 1).fill(0);
    for (const [bucket, count] of at) all[bucket] = count;
    return all;
  };
  test("lies within its bucket, evenly spread", () => {
    expect(quantileMs(counts([0, 10]), 0.5)).toBe(0.25);
    expect(quantileMs(counts([4, 100]), 0.5)).toBe(7.5);
    expect(quantileMs(counts([4, 50], [6, 50]), 0.5)).toBe(10);
    expect(quantileMs(counts([4, 50], [6, 50]), 0.75)).toBe(37.5);
    expect(quantileMs(counts([4, 1]), 1)).toBe(10);
  });

  test("above the last bound is the last bound; of nothing it is 0", () => {
    expect(quantileMs(counts([LATENCY_BUCKETS_MS.length, 5]), 0.99)).toBe(10_000);
    expect(quantileMs(counts(), 0.5)).toBe(0);
  });
});

test("a ring has the last items, oldest first, however many came", () => {
  const ring = new Ring<number>(3);
  expect(ring.last).toBeUndefined();
  for (let i = 1; i <= 20; i++) {
    ring.push(i);
    expect(ring.all).toEqual([i - 2, i - 1, i].filter((n) => n > 0));
    expect(ring.last).toBe(i);
  }
});

test("the event loop's lag is the worst of half a minute, and counts what is late right now", () => {
  let now = 0;
  let beat: () => void = () => undefined;
  const lag = new LoopLag({ now: () => now, every: (_ms, run) => ((beat = run), () => undefined) });
  const beatAfter = (ms: number) => {
    now += ms;
    beat();
  };
  beatAfter(500);
  expect(lag.worstMs).toBe(0);
  beatAfter(620);
  expect(lag.worstMs).toBe(120);
  now += 1500;
  expect(lag.worstMs).toBe(1000);
  beatAfter(0);
  for (let i = 0; i < 60; i++) beatAfter(500);
  expect(lag.worstMs).toBe(0);
});

test("what became of configurations is known from the bus", () => {
  const bus = new EventBus({ later: () => undefined });
  let now = 1000;
  const state = trackReloads(bus, () => now);
  expect(state()).toEqual({ successful: true, appliedAtSeconds: 1 });
  now = 9000;
  bus.publish({ type: "config.rejected", errors: [] });
  expect(state()).toEqual({ successful: false, appliedAtSeconds: 1 });
  bus.publish({ type: "config.reloaded", version: 2, routes: 1 });
  expect(state()).toEqual({ successful: true, appliedAtSeconds: 9 });
});
