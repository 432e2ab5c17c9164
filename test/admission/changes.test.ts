import { describe, expect, test } from "bun:test";
import { end, outcome, Rig, SLOT } from "./admissions.ts";

const FULL = "upstream api: no place is free and the queue is full";
const queue = (max: number, waitMs = 1000) => ({ max, waitMs });

describe("a new version", () => {
  test("keeps who is in flight and who waits, under its own limits", () => {
    const rig = new Rig({ upstream: 1, queue: queue(3) });
    rig.ask();
    const [one, two, three] = [rig.ask(), rig.ask(), rig.ask()];
    rig.update({ upstream: 3, queue: queue(0, 50) });
    expect([one, two, three].map(outcome)).toEqual(["in", "in", "waits"]);
    expect(outcome(rig.ask())).toBe(FULL);
    rig.advance(50);
    expect(outcome(three)).toContain("waited too long");
    rig.update({ upstream: 1, queue: queue(1) });
    end(one);
    expect(outcome(rig.ask())).toBe("waits");
    expect(rig.inFlight.count(SLOT.upstream)).toBe(2);
  });

  test("that limits an upstream no more lets everybody on, and loses no count", () => {
    const rig = new Rig({ process: 9, upstream: 1, queue: queue(3) });
    const all = [rig.ask(), rig.ask(), rig.ask()];
    rig.update({ process: 9 });
    expect(all.map(outcome)).toEqual(["in", "in", "in"]);
    for (const one of all) end(one);
    expect(rig.held).toEqual([0, 0, 0]);
  });

  test("that counts elsewhere leaves the old count to those who are in it", () => {
    const rig = new Rig({ upstream: 1, queue: queue(3) });
    const before = [rig.ask(), rig.ask()];
    rig.update({ upstream: 1, slot: 4 });
    expect(before.map(outcome)).toEqual(["in", "in"]);
    expect(outcome(rig.ask())).toBe("in");
    expect(outcome(rig.ask())).toBe(FULL);
    for (const one of before) end(one);
    expect([rig.inFlight.count(SLOT.upstream), rig.inFlight.count(4)]).toEqual([0, 1]);
  });
});

describe("the adaptive limit", () => {
  test("falls with latency and lets more in when it has recovered, up to the configured limit", () => {
    const rig = new Rig({ upstream: 40, adaptive: true });
    const window = (latencyMs: number) => {
      const running = Array.from({ length: 40 }, () => rig.ask()).filter((one) => one.answer === null);
      const most = running.length;
      for (let i = 0; i < 60; i++) {
        rig.now += 10;
        rig.admissions.observe("api", latencyMs, false);
      }
      for (const one of running) end(one);
      rig.advance(100);
      return most;
    };
    expect(window(10)).toBe(20);
    let most = 0;
    for (let i = 0; i < 60; i++) most = window(10);
    expect(most).toBe(40);
    for (let i = 0; i < 60; i++) most = window(1000);
    expect(most).toBeLessThan(10);
  });
});

describe("when memory runs out", () => {
  const marks = { memory: { low: 0.8, all: 0.9 }, upstream: 1, queue: queue(9, 1e9) };

  test("the least important class is refused at the door first, then everybody", () => {
    const rig = new Rig(marks);
    const doors = () => [0, 1, 2].map((importance) => rig.admissions.door(importance)?.detail ?? "open");
    const no = "memory: too little is left";
    for (const [used, expected] of [
      [0, ["open", "open", "open"]],
      [800, ["open", "open", no]],
      [900, [no, no, no]],
      [851, [no, no, no]],
      [849, ["open", "open", no]],
      [700, ["open", "open", "open"]],
    ] as const) {
      rig.used = used;
      rig.advance(500);
      expect(doors()).toEqual([...expected]);
    }
    expect(rig.events[0]).toEqual({ type: "overloaded", where: "memory", reason: "too little is left" });
  });

  test("who waits goes, too, the least important first", () => {
    const rig = new Rig(marks);
    rig.ask();
    const [low, critical] = [rig.ask(2), rig.ask(0)];
    rig.used = 800;
    rig.advance(500);
    expect([low, critical].map(outcome)).toEqual(["upstream api: gave way to what is more important", "waits"]);
    rig.used = 950;
    rig.advance(500);
    expect(outcome(critical)).not.toBe("waits");
  });

  test("it is looked at twice a second at most, and what can be freed is freed now and then", () => {
    const rig = new Rig(marks);
    rig.advance(500);
    rig.used = 1000;
    rig.advance(499);
    expect(rig.admissions.door(0)).toBeNull();
    rig.advance(1);
    expect(rig.admissions.door(0)).not.toBeNull();
    for (let i = 0; i < 19; i++) rig.advance(100);
    expect(rig.reclaimed).toBe(1);
    rig.advance(500);
    expect(rig.reclaimed).toBe(2);
  });

  test("it is looked at, and who waits too long is told, though the loop fires no timer while requests come", async () => {
    const rig = new Rig({ ...marks, queue: queue(9, 1000) });
    rig.ask();
    const late = rig.ask();
    rig.used = 1000;
    for (let i = 0; i < 640; i++) {
      rig.now += 5;
      rig.admissions.door(0);
      await Promise.resolve();
    }
    expect(outcome(late)).not.toBe("waits");
    expect(rig.admissions.door(0)).not.toBeNull();
  });

  test("nobody is kept out by what can be freed", () => {
    const rig = new Rig(marks);
    rig.freed = 300;
    rig.used = 900;
    rig.advance(500);
    expect([rig.admissions.door(2), rig.used]).toEqual([null, 600]);
    rig.used = 850;
    rig.advance(500);
    expect(rig.admissions.door(1)).toBeNull();
    expect(rig.admissions.door(2)).not.toBeNull();
    rig.advance(9500);
    expect([rig.admissions.door(2), rig.used]).toEqual([null, 550]);
  });

  test("a version without marks opens the door again", () => {
    const rig = new Rig(marks);
    rig.used = 1000;
    rig.advance(500);
    rig.update({ upstream: 1 });
    expect(rig.admissions.door(2)).toBeNull();
  });
});
