import { describe, expect, test } from "bun:test";
import { SharedSlots } from "../../src/control/config/shared-slots.ts";

const given = (slots: SharedSlots, ...names: string[]) => Object.fromEntries(slots.give(names));

describe("slots of what has a fixed size", () => {
  test("a name keeps its number, also when a version does without it", () => {
    const slots = new SharedSlots(4);
    expect(given(slots, "a", "b")).toEqual({ a: 0, b: 1 });
    expect(given(slots, "c")).toEqual({ c: 2 });
    expect(given(slots, "b", "a", "a")).toEqual({ b: 1, a: 0 });
  });

  test("with none left, the number that was not asked for the longest is given away", () => {
    const slots = new SharedSlots(3);
    given(slots, "a", "b", "c");
    given(slots, "a");
    expect(given(slots, "d")).toEqual({ d: 1 });
    expect(given(slots, "e")).toEqual({ e: 2 });
    expect(given(slots, "f", "d", "e")).toEqual({ f: 0, d: 1, e: 2 });
  });

  test("what one version needs is never given away for it", () => {
    const slots = new SharedSlots(3);
    given(slots, "a", "b", "c");
    expect(given(slots, "x", "a", "y")).toEqual({ a: 0, x: 1, y: 2 });
    expect(() => slots.give(["1", "2", "3", "4"])).toThrow("4 names for 3 slots");
  });

  test("over many versions, no two names of one share a number, and all are in range", () => {
    const slots = new SharedSlots(7);
    for (let version = 0; version < 500; version++) {
      const names = Array.from({ length: (version * 5) % 8 }, (_, i) => `n${(version * 3 + i * i) % 23}`);
      const numbers = [...slots.give(names).values()];
      expect(new Set(numbers).size).toBe(new Set(names).size);
      for (const number of numbers) expect(number >= 0 && number < 7).toBe(true);
    }
  });
});
