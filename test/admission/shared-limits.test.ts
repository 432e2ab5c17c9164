import { describe, expect, test } from "bun:test";
import { end, outcome, Rig, SLOT, sharedCounts, type Asked } from "./admissions.ts";

const FULL = "upstream api: no place is free and the queue is full";
const queue = (max: number, waitMs = 1000) => ({ max, waitMs });

describe("workers that share their counts", () => {
  test("stay under the limit together", () => {
    const [one, two] = sharedCounts(2).map((counts) => new Rig({ process: 5, upstream: 3 }, counts)) as [Rig, Rig];
    expect([one.ask(), two.ask(), one.ask(), two.ask()].map(outcome)).toEqual(["in", "in", "in", FULL]);
  });

  test("see at a tick what another gave back", () => {
    const [one, two] = sharedCounts(2).map((counts) => new Rig({ upstream: 1, queue: queue(3) }, counts)) as [Rig, Rig];
    const holder = one.ask();
    const waits = two.ask();
    end(holder);
    expect(outcome(waits)).toBe("waits");
    two.advance(100);
    expect(outcome(waits)).toBe("in");
    two.admissions.stop();
  });

  test("leave an equal share to each other though all have more than enough to do", () => {
    const [one, two] = sharedCounts(2).map((counts) => new Rig({ upstream: 10, queue: queue(40) }, counts)) as [
      Rig,
      Rig,
    ];
    const running = new Map<Rig, Asked[]>([
      [one, Array.from({ length: 30 }, () => one.ask())],
      [two, Array.from({ length: 30 }, () => two.ask())],
    ]);
    expect([one, two].map((rig) => rig.inFlight.own(SLOT.upstream))).toEqual([10, 0]);
    for (let i = 0; i < 200; i++) {
      for (const rig of [one, two]) {
        const all = running.get(rig)!;
        const first = all.findIndex((asked) => asked.answer === null);
        if (first >= 0) {
          end(all.splice(first, 1)[0]!);
          all.push(rig.ask());
        }
        rig.advance(1);
      }
    }
    const own = [one, two].map((rig) => rig.inFlight.own(SLOT.upstream));
    expect(own[0]! + own[1]!).toBe(10);
    expect(Math.abs(own[0]! - own[1]!)).toBeLessThanOrEqual(2);
    for (const rig of [one, two]) rig.admissions.stop();
  });

  test("take turns where there are fewer places than workers", () => {
    const rigs = sharedCounts(3).map((counts) => new Rig({ upstream: 1, queue: queue(99) }, counts));
    const served = new Map<Rig, number>();
    const all = new Map(rigs.map((rig) => [rig, Array.from({ length: 60 }, () => rig.ask())]));
    for (let i = 0; i < 100; i++) {
      for (const rig of rigs) {
        const running = all.get(rig)!.findIndex((asked) => asked.answer === null);
        if (running >= 0) {
          end(all.get(rig)!.splice(running, 1)[0]!);
          served.set(rig, (served.get(rig) ?? 0) + 1);
        }
        rig.advance(1);
      }
    }
    for (const rig of rigs) {
      expect(served.get(rig)).toBeGreaterThan(15);
      rig.admissions.stop();
    }
  });

  test("leave free what belongs to the more important, whichever worker they come to", () => {
    const limits = { process: 20, upstream: 20, classes: [1, 2] };
    const [one, two] = sharedCounts(2).map((counts) => new Rig(limits, counts)) as [Rig, Rig];
    const low = Array.from({ length: 12 }, () => [one.ask(2), two.ask(2)]).flat();
    expect(low.filter((asked) => outcome(asked) === "in")).toHaveLength(18);
    expect([one.ask(1), two.ask(1), one.ask(1)].map(outcome)).toEqual(["in", "in", "process: no place is free, of 20"]);
  });

  test("get the places of one that was killed, and what it wanted is forgotten", () => {
    const counts = sharedCounts(2);
    const [dead, alive] = counts.map((own) => new Rig({ process: 9, upstream: 2, queue: queue(3) }, own)) as [Rig, Rig];
    for (let i = 0; i < 4; i++) dead.ask();
    const waits = alive.ask();
    dead.admissions.stop();
    counts[1]!.clearRow(0);
    alive.advance(100);
    expect([waits, alive.ask(), alive.ask()].map(outcome)).toEqual(["in", "in", "waits"]);
    expect(alive.held).toEqual([3, 0, 2]);
    alive.admissions.stop();
  });
});
