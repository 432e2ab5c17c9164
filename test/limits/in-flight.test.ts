import { describe, expect, test } from "bun:test";
import { createPage } from "../../src/observability/page-file.ts";
import { InFlight, inFlightLength } from "../../src/proxy/limits/in-flight.ts";
import { Hammers } from "./hammers.ts";

describe("requests in flight", () => {
  test("are let in up to the limit of each gate", () => {
    const gates = InFlight.local(3);
    expect([gates.tryAcquire(1, 2), gates.tryAcquire(1, 2), gates.tryAcquire(1, 2)]).toEqual([true, true, false]);
    expect([gates.count(0), gates.count(1), gates.count(2)]).toEqual([0, 2, 0]);
    gates.release(1);
    expect(gates.tryAcquire(1, 2)).toBe(true);
    expect(gates.tryAcquire(2, 0)).toBe(false);
  });

  test("are the sum over the processes, each with a row of its own", () => {
    const counts = new Int32Array(inFlightLength(2, 20));
    const rows = [0, 7, 19].map((row) => new InFlight(counts, 20, row));
    for (const row of rows) row.acquire(1);
    rows[1]!.acquire(1);
    expect(rows.map((row) => row.count(1))).toEqual([4, 4, 4]);
    expect(rows.map((row) => row.own(1))).toEqual([1, 2, 1]);
    expect(rows[2]!.tryAcquire(1, 4)).toBe(false);
    expect(rows[0]!.count(0)).toBe(0);
  });

  test("of a dead process are given back, and only those", () => {
    const counts = new Int32Array(inFlightLength(3, 4));
    const [one, two] = [new InFlight(counts, 4, 1), new InFlight(counts, 4, 2)];
    for (let gate = 0; gate < 3; gate++) {
      one.acquire(gate);
      two.acquire(gate);
    }
    one.clearRow(2);
    expect([0, 1, 2].map((gate) => one.count(gate))).toEqual([1, 1, 1]);
    expect(two.own(0)).toBe(0);
  });

  test("know no gate and no row that are not there", () => {
    expect(() => InFlight.local(2).acquire(2)).toThrow("gate 2 is not one of 2");
    expect(() => InFlight.local(2).count(-1)).toThrow("gate -1");
    expect(() => new InFlight(new Int32Array(64), 4, 4)).toThrow("row 4 is not one of 4");
    expect(() => InFlight.local(1).clearRow(1)).toThrow("row 1");
    expect(() => inFlightLength(0, 1)).toThrow("at least 1");
  });

  test("of four processes never exceed the limit, and end at nothing", async () => {
    const page = createPage(16);
    try {
      const hammers = await Hammers.start([0, 1, 2, 3].map((row) => ["hold", page.path, row, 2, 300_000]));
      hammers.begin();
      const results = await hammers.results<{ most: number; held: number }>();
      for (const { most } of results) expect(most).toBeLessThanOrEqual(2);
      // One may never have its turn: where others that hold a place are not running just then.
      expect(results.reduce((sum, { held }) => sum + held, 0)).toBeGreaterThan(0);
      const counts = new Int32Array(page.numbers.buffer, page.numbers.byteOffset, 16);
      expect(new InFlight(counts, 4, 0).count(0)).toBe(0);
    } finally {
      page.unlink();
    }
  }, 30_000);
});
