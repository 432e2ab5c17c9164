import { describe, expect, test } from "bun:test";
import { CounterPages } from "../../src/observability/counter-pages.ts";
import { Counters, SLOT_SIZE } from "../../src/observability/counters.ts";
import {
  FAILURE_CODES,
  METHODS,
  methodIndex,
  packKind,
  unpackKind,
} from "../../src/observability/metrics/request-kind.ts";
import { mapPage } from "../../src/observability/page-file.ts";
import { exchange } from "./sample-page.ts";

/** A worker's counters on the page it was given. */
function take(pages: CounterPages, worker: number, slots = 4): Counters {
  const counters = new Counters(new Float64Array(SLOT_SIZE));
  counters.moveTo(mapPage(pages.give(worker, slots)!));
  pages.taken(worker);
  return counters;
}

describe("a kind of request in one number", () => {
  test("says method, status and code again, whatever they are", () => {
    const seen = new Set<number>();
    for (const [index, method] of METHODS.entries())
      for (const status of [0, 100, 101, 200, 404, 599, 600, 999])
        for (const code of FAILURE_CODES) {
          const key = packKind(index, status, code === "" ? null : code);
          expect(unpackKind(key)).toEqual({ method, status, code });
          seen.add(key);
        }
    expect(seen.size).toBe(METHODS.length * 8 * FAILURE_CODES.length);
    expect(seen.has(0)).toBe(false);
  });

  test("keeps every reason that plugins give under one word, and what is no status as none", () => {
    expect(unpackKind(packKind(0, 403, "plugin:because")).code).toBe("plugin");
    expect(unpackKind(packKind(0, 1000, null)).status).toBe(0);
    expect(unpackKind(packKind(0, 99, null)).status).toBe(0);
  });

  test("takes methods as they are written", () => {
    expect(METHODS.slice(0, -1).map((method) => METHODS[methodIndex(method)]!)).toEqual(METHODS.slice(0, -1));
    for (const other of ["get", "CONNECT", "TRACE", "", "GETS"]) expect(METHODS[methodIndex(other)]).toBe("OTHER");
  });
});

describe("counters", () => {
  test("tell kinds of requests apart, and add them up over workers that met them in another order", () => {
    const pages = new CounterPages();
    const [first, second] = [take(pages, 1), take(pages, 2)];
    first.record(exchange({ method: "POST", status: 201 }));
    for (const counters of [first, second, second]) counters.record(exchange());
    second.record(exchange({ status: 503, code: "circuit_open" }));
    pages.gone(1);
    expect(pages.read(1).kinds.sort((a, b) => a.status - b.status)).toEqual([
      { method: "GET", status: 200, code: "", count: 3 },
      { method: "POST", status: 201, code: "", count: 1 },
      { method: "GET", status: 503, code: "circuit_open", count: 1 },
    ]);
    expect(pages.read(1).byStatusClass).toEqual([0, 4, 0, 0, 1, 0]);
  });

  test("keep room for what upstreams do, whatever clients try", () => {
    const counters = new Counters(new Float64Array(4 * SLOT_SIZE));
    for (let i = 0; i < 1000; i++) counters.record(exchange({ method: METHODS[i % 8]!, status: 400 + (i % 90) }));
    for (const status of [200, 301, 500, 502, 503]) counters.record(exchange({ status }));
    const { kinds, unsorted, byStatusClass, requests } = counters.read(1);
    expect(
      kinds
        .filter(({ status }) => status < 400 || status > 499)
        .map(({ status }) => status)
        .sort(),
    ).toEqual([200, 301, 500, 502, 503]);
    expect(requests).toBe(1005);
    expect(byStatusClass).toEqual([0, 1, 1, 1000, 3, 0]);
    expect(kinds.reduce((sum, { count }) => sum + count, 0) + unsorted.reduce((sum, count) => sum + count, 0)).toBe(
      1005,
    );
  });

  test("lose nothing when there are more kinds than places, and leave the next slot alone", () => {
    const counters = new Counters(new Float64Array(4 * SLOT_SIZE));
    for (let status = 200; status < 400; status++) counters.record(exchange({ status }));
    counters.record(exchange({ slot: 2, status: 204 }));
    expect(counters.read(1).byStatusClass).toEqual([0, 100, 100, 0, 0, 0]);
    expect(counters.read(2).kinds).toEqual([{ method: "GET", status: 204, code: "", count: 1 }]);
    expect(counters.read(3).isEmpty).toBe(true);
  });

  test("leave tunnels out of latencies", () => {
    const counters = new Counters(new Float64Array(4 * SLOT_SIZE));
    counters.record(exchange({ status: 101, ms: 3_600_000 }));
    counters.record(exchange({ ms: 7 }));
    const { requests, sumMs, buckets } = counters.read(1);
    expect({ requests, sumMs, measured: buckets.reduce((sum, count) => sum + count, 0) }).toEqual({
      requests: 2,
      sumMs: 7,
      measured: 1,
    });
  });

  test("ignore slots that a page does not have", () => {
    const counters = new Counters(new Float64Array(2 * SLOT_SIZE));
    counters.record(exchange({ slot: 9 }));
    counters.recordAttempt(9, 200, null, 1);
    counters.recordRetry(9);
    counters.recordBytes(9, 1, 1);
    expect([0, 1, 9].map((slot) => counters.read(slot).isEmpty)).toEqual([true, true, true]);
  });
});

describe("a slot that is given to somebody else begins at zero", () => {
  test("in one process", () => {
    const counters = new Counters(new Float64Array(4 * SLOT_SIZE));
    for (const slot of [1, 2]) counters.record(exchange({ slot }));
    counters.forget(1);
    expect([1, 2].map((slot) => counters.read(slot).requests)).toEqual([0, 1]);
    counters.record(exchange({ status: 204 }));
    expect(counters.read(1).kinds).toEqual([{ method: "GET", status: 204, code: "", count: 1 }]);
  });

  test("and whoever goes on counting, or ends, changes nothing about that", () => {
    const pages = new CounterPages();
    const [first, second] = [take(pages, 1), take(pages, 2)];
    for (const counters of [first, second]) counters.record(exchange());
    pages.gone(1);
    pages.forget(1);
    expect(pages.read(1).requests).toBe(0);
    expect(pages.read(1).kinds).toEqual([]);
    second.record(exchange({ ms: 70 }));
    pages.gone(2);
    expect(pages.read(1)).toMatchObject({ requests: 1, sumMs: 70, byStatusClass: [0, 1, 0, 0, 0, 0] });
    take(pages, 3).record(exchange());
    expect(pages.read(1).requests).toBe(2);
  });
});
