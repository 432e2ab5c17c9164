import { expect, test } from "bun:test";
import { BackOff } from "../../src/control/workers/back-off.ts";

const YOUNG_MS = 50;
const HEALTHY_MS = 60_000;

test("the first replacement comes at once, and those of workers that die young after pauses that double", () => {
  const backOff = new BackOff();
  const pauses = Array.from({ length: 5 }, () => backOff.next(YOUNG_MS));
  expect(pauses).toEqual([0, 100, 200, 400, 800]);
});

test("pauses are bounded", () => {
  const backOff = new BackOff();
  for (let deaths = 0; deaths < 2000; deaths++) backOff.next(YOUNG_MS);
  expect(backOff.next(YOUNG_MS)).toBe(10_000);
});

test("the death of a worker that served well is again the first", () => {
  const backOff = new BackOff();
  for (let deaths = 0; deaths < 5; deaths++) backOff.next(YOUNG_MS);
  expect(backOff.next(HEALTHY_MS)).toBe(0);
});
