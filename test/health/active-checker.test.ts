import { describe, expect, test } from "bun:test";
import type { ActiveCheckSpec, UpstreamSpec } from "../../src/model/snapshot-spec.ts";
import type { EndpointVerdict } from "../../src/proxy/upstream/health/health-registry.ts";
import { ActiveChecker, type CheckerParts } from "../../src/control/health/active-checker.ts";
import type { CheckedUpstream, ProbeResult } from "../../src/control/health/check-spec.ts";
import { checkedUpstream, httpCheck } from "./checked-upstreams.ts";

const OK: ProbeResult = { ok: true, reason: "HTTP 200" };
const BAD: ProbeResult = { ok: false, reason: "HTTP 503" };

interface Asked {
  readonly port: number;
  readonly signal: AbortSignal;
  answer(result: ProbeResult): Promise<void>;
  fail(error: Error): Promise<void>;
}

/** A checker whose clock and probes the test moves by hand. */
function stage(parts: Partial<CheckerParts> = {}) {
  let now = 0;
  const verdicts: EndpointVerdict[] = [];
  const asked: Asked[] = [];
  const checker = new ActiveChecker({
    clock: { now: () => now, wall: () => 5_000_000 + now },
    random: () => 0.5,
    onVerdict: (verdict) => verdicts.push(verdict),
    createProbe:
      (_checked, { port }) =>
      (signal) => {
        const { promise, resolve, reject } = Promise.withResolvers<ProbeResult>();
        const answer = async (result: ProbeResult) => (resolve(result), await Promise.resolve());
        asked.push({ port, signal, answer, fail: async (error) => (reject(error), await Promise.resolve()) });
        return promise;
      },
    ...parts,
  });
  const tickAt = (at: number) => {
    now = at;
    checker.tick();
  };
  return { checker, verdicts, asked, tickAt };
}

const ports = (...list: number[]) => checkedUpstream({ ports: list });

async function roundsOf(results: readonly ProbeResult[], check: Partial<ActiveCheckSpec> = {}) {
  const { checker, verdicts, asked, tickAt } = stage();
  checker.update([checkedUpstream({ ports: [1], active: httpCheck(check) })]);
  for (const [i, result] of results.entries()) {
    tickAt(i * 10_000);
    await asked[i]!.answer(result);
  }
  return verdicts;
}

describe("the active checker", () => {
  test("decides by the first result, good or bad", async () => {
    const good = await roundsOf([OK]);
    expect(good).toEqual([
      { upstream: "api", endpoint: "http://127.0.0.1:1", healthy: true, reason: "HTTP 200", at: 5_000_000 },
    ]);
    expect((await roundsOf([BAD])).map((verdict) => verdict.healthy)).toEqual([false]);
  });

  test("changes a verdict only after so many results in a row", async () => {
    const verdicts = await roundsOf([OK, BAD, BAD, OK, BAD, BAD, BAD, OK, BAD, OK, OK]);
    expect(verdicts.map((v) => [v.healthy, v.reason, v.at - 5_000_000])).toEqual([
      [true, "HTTP 200", 0],
      [false, "HTTP 503 (3 times in a row)", 60_000],
      [true, "HTTP 200 (2 times in a row)", 100_000],
    ]);
  });

  test("believes the first success of an endpoint that was never healthy", async () => {
    expect((await roundsOf([BAD, BAD, OK])).map((v) => v.healthy)).toEqual([false, true]);
  });

  test("asks again after the interval, never twice at once, and gives up at the timeout", async () => {
    const { checker, verdicts, asked, tickAt } = stage();
    checker.update([ports(1)]);
    tickAt(0);
    tickAt(1_999);
    expect([asked.length, verdicts.length]).toEqual([1, 0]);
    tickAt(2_000);
    expect(verdicts.map((v) => v.reason)).toEqual(["no answer within 2000 ms"]);
    expect(asked[0]!.signal.aborted).toBe(true);
    // What comes too late is about a check that is over.
    await asked[0]!.answer(OK);
    expect(verdicts.length).toBe(1);
    tickAt(9_999);
    expect(asked.length).toBe(1);
    tickAt(10_000);
    expect(asked.length).toBe(2);
  });

  test("spreads its checks by a tenth of the interval", async () => {
    for (const [random, due] of [
      [0, 9_000],
      [0.75, 10_500],
    ] as const) {
      const { checker, asked, tickAt } = stage({ random: () => random });
      checker.update([ports(1)]);
      tickAt(0);
      await asked[0]!.answer(OK);
      tickAt(due - 1);
      expect(asked.length).toBe(1);
      tickAt(due);
      expect(asked.length).toBe(2);
    }
  });

  test("takes a probe that throws or rejects for a failure", async () => {
    const { checker, verdicts, asked, tickAt } = stage();
    checker.update([ports(1)]);
    tickAt(0);
    await asked[0]!.fail(new Error("no route to host"));
    expect(verdicts.map((v) => v.reason)).toEqual(["no route to host"]);
    const throwing = stage({
      createProbe: () => () => {
        throw new Error("bad options");
      },
    });
    throwing.checker.update([ports(1)]);
    throwing.tickAt(0);
    expect(throwing.verdicts.map((v) => v.reason)).toEqual(["bad options"]);
  });

  test("runs only so many at once, and every endpoint gets its turn though most hang", () => {
    const { checker, asked, tickAt } = stage({ maxAtOnce: 8 });
    checker.update([checkedUpstream({ ports: Array.from({ length: 300 }, (_, i) => i + 1) })]);
    tickAt(0);
    expect(asked.length).toBe(8);
    for (let now = 25; now <= 80_000; now += 25) {
      tickAt(now);
      expect(asked.filter(({ signal }) => !signal.aborted).length).toBeLessThanOrEqual(8);
    }
    expect(new Set(asked.map(({ port }) => port)).size).toBe(300);
  });

  test("starts the next one as soon as a place is free", async () => {
    const { checker, asked, tickAt } = stage({ maxAtOnce: 1 });
    checker.update([ports(1, 2)]);
    tickAt(0);
    await asked[0]!.answer(OK);
    tickAt(25);
    expect(asked.map(({ port }) => port)).toEqual([1, 2]);
  });
});

describe("a reload", () => {
  const statuses = (checker: ActiveChecker) =>
    [...checker.statuses()].map(({ endpoint, verdict }) => [endpoint, verdict?.healthy ?? null]);

  test("keeps the verdict and the turn of what stays, forgets what goes, asks what is new at once", async () => {
    const { checker, verdicts, asked, tickAt } = stage();
    checker.update([ports(1, 2)]);
    tickAt(0);
    await asked[0]!.answer(BAD);
    checker.update([ports(1, 3)]);
    expect(asked[1]!.signal.aborted).toBe(true);
    await asked[1]!.answer(BAD);
    expect(statuses(checker)).toEqual([
      ["http://127.0.0.1:1", false],
      ["http://127.0.0.1:3", null],
    ]);
    tickAt(25);
    expect(asked.map(({ port }) => port)).toEqual([1, 2, 3]);
    expect(verdicts.length).toBe(1);
  });

  test("that changes how it is checked asks at once and keeps the verdict until then", async () => {
    const { checker, asked, tickAt } = stage();
    checker.update([ports(1)]);
    tickAt(0);
    await asked[0]!.answer(BAD);
    checker.update([checkedUpstream({ ports: [1], active: httpCheck({ path: "/other" }) })]);
    expect(statuses(checker)).toEqual([["http://127.0.0.1:1", false]]);
    tickAt(25);
    expect(asked.length).toBe(2);
    await asked[1]!.answer(OK);
    expect(statuses(checker)).toEqual([["http://127.0.0.1:1", true]]);
  });

  test("tells the same address in two upstreams apart", async () => {
    const { checker, verdicts, asked, tickAt } = stage();
    const other: CheckedUpstream = ports(1);
    const upstream: UpstreamSpec = { ...other.upstream, name: "web" };
    checker.update([ports(1), { ...other, upstream }]);
    tickAt(0);
    await asked[1]!.answer(BAD);
    expect(verdicts.map((v) => v.upstream)).toEqual(["web"]);
  });

  test("and the end: nothing is asked any more", () => {
    const { checker, asked, tickAt } = stage();
    checker.update([ports(1)]);
    tickAt(0);
    checker.update([]);
    expect(asked[0]!.signal.aborted).toBe(true);
    tickAt(100_000);
    expect(asked.length).toBe(1);
  });
});
