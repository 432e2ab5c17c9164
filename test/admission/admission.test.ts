import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/model/gateway-error.ts";
import { compileGates } from "../../src/proxy/limits/admission.ts";
import { end, outcome, Rig, SLOT, type Asked } from "./admissions.ts";

const GONE = new GatewayError("client_closed");
const FULL = "upstream api: no place is free and the queue is full";
const queue = (max: number, waitMs = 1000) => ({ max, waitMs });

describe("admission", () => {
  test("takes a place at the process, the route and the upstream, and gives all of them back once", () => {
    const rig = new Rig({ process: 9, route: 9, upstream: 9 });
    const asked = rig.ask();
    expect(outcome(asked)).toBe("in");
    expect(rig.held).toEqual([1, 1, 1]);
    const { admitted } = asked.exchange;
    admitted!.release();
    admitted!.release();
    expect(rig.held).toEqual([0, 0, 0]);
    expect(asked.exchange.admitted).toBeNull();
  });

  for (const [limits, says] of [
    [{ process: 2, route: 9, upstream: 9 }, "process: no place is free, of 2"],
    [{ process: 9, route: 2, upstream: 9 }, "route shop: no place is free, of 2"],
    [{ process: 9, route: 9, upstream: 2 }, FULL],
  ] as const) {
    test(`refuses at once beyond the limit, and holds nothing for whom it refused: ${says}`, () => {
      const rig = new Rig(limits);
      const [first, second, third] = [rig.ask(), rig.ask(), rig.ask()];
      expect([first, second, third].map(outcome)).toEqual(["in", "in", says]);
      expect(third.answer).toMatchObject({ kind: "overloaded", status: 503 });
      expect(rig.held).toEqual([2, 2, 2]);
      expect(third.exchange.running).toBeNull();
      end(first);
      expect(outcome(rig.ask())).toBe("in");
    });
  }

  test("is nothing that a request pays for where nothing is limited", () => {
    const none = { maxInFlight: null, memory: { low: 0.8, all: 0.9 } };
    const route = { id: "r", maxInFlight: null, importance: 1 };
    expect(compileGates({ admission: none }, route, { name: "u", admission: null })).toBeNull();
    const limited = { ...route, maxInFlight: { slot: 1, max: 1 } };
    expect(compileGates({ admission: none }, limited, { name: "u", admission: null })).not.toBeNull();
  });

  test("tells of the first refusal a second at each place", () => {
    const rig = new Rig({ process: 2, route: 1 });
    rig.ask();
    for (let i = 0; i < 100; i++) rig.ask();
    expect(rig.events).toEqual([{ type: "overloaded", where: "route shop", reason: "no place is free, of 1" }]);
    rig.advance(1000);
    rig.ask();
    expect(rig.events).toHaveLength(2);
  });
});

describe("where routes are of several classes", () => {
  const ins = (rig: Rig, importance: number, times: number) =>
    Array.from({ length: times }, () => rig.ask(importance)).filter((asked) => outcome(asked) === "in").length;

  test.each([
    [[1], 1, 10],
    [[2], 2, 10],
    [[1, 2], 2, 9],
    [[1, 2], 1, 10],
    [[0, 2], 2, 9],
    [[0, 1, 2], 2, 8],
    [[0, 1, 2], 1, 9],
    [[0, 1, 2], 0, 10],
  ])("%j: class %d may fill %d of 10 places", (classes, importance, places) => {
    for (const limits of [{ process: 10 }, { upstream: 10 }])
      expect(ins(new Rig({ ...limits, classes }), importance, 20)).toBe(places);
  });

  test("the least important are refused first, and the more important find a place", () => {
    const rig = new Rig({ upstream: 20, classes: [0, 1, 2] });
    expect(ins(rig, 2, 30)).toBe(16);
    expect(ins(rig, 1, 30)).toBe(2);
    expect(ins(rig, 0, 30)).toBe(2);
    expect(rig.held).toEqual([0, 0, 20]);
  });

  test("who has to wait for it goes on when the places of the others are free again", () => {
    const rig = new Rig({ upstream: 10, queue: queue(5), classes: [1, 2] });
    const normal = [rig.ask(1), rig.ask(1)];
    expect(ins(rig, 2, 7)).toBe(7);
    const low = rig.ask(2);
    expect(outcome(low)).toBe("waits");
    const third = rig.ask(1);
    expect(outcome(third)).toBe("in");
    end(third);
    expect(outcome(low)).toBe("waits");
    end(normal[0]!);
    expect(outcome(low)).toBe("in");
  });

  test("every class has one place at least", () => {
    for (const importance of [0, 1, 2])
      expect(ins(new Rig({ upstream: 1, classes: [0, 1, 2] }), importance, 2)).toBe(1);
  });
});

describe("whoever waits for a place at the upstream", () => {
  test("goes on when one is given back: the more important first, then the older", () => {
    const rig = new Rig({ upstream: 1, queue: queue(9) });
    let holder = rig.ask();
    const waiting = new Map<string, Asked>();
    for (const [name, importance] of [
      ["low", 2],
      ["normal", 1],
      ["critical", 0],
      ["normal too", 1],
    ] as const)
      waiting.set(name, rig.ask(importance));
    expect([...waiting.values()].map(outcome)).toEqual(["waits", "waits", "waits", "waits"]);
    for (const next of ["critical", "normal", "normal too", "low"]) {
      end(holder);
      holder = waiting.get(next)!;
      expect(outcome(holder)).toBe("in");
      expect(rig.inFlight.count(SLOT.upstream)).toBe(1);
    }
    end(holder);
    expect(rig.held).toEqual([0, 0, 0]);
  });

  test("holds its outer places meanwhile, and gives them back when it has waited too long", () => {
    const rig = new Rig({ process: 9, route: 9, upstream: 1, queue: queue(9, 200) });
    rig.ask();
    const waits = rig.ask();
    expect(rig.held).toEqual([2, 2, 1]);
    rig.advance(199);
    expect(outcome(waits)).toBe("waits");
    rig.advance(1);
    expect(outcome(waits)).toBe("upstream api: waited too long for a place");
    expect(waits.answer?.kind).toBe("overloaded");
    expect(rig.held).toEqual([1, 1, 1]);
    end(waits);
    expect(rig.held).toEqual([1, 1, 1]);
  });

  test("gives way in a full queue to what is more important, and nobody gives way to an equal", () => {
    const rig = new Rig({ route: 9, upstream: 1, queue: queue(2) });
    rig.ask();
    const [low, normal] = [rig.ask(2), rig.ask(1)];
    expect(outcome(rig.ask(2))).toBe(FULL);
    const critical = rig.ask(0);
    expect([low, normal, critical].map(outcome)).toEqual([
      "upstream api: gave way to what is more important",
      "waits",
      "waits",
    ]);
    expect(outcome(rig.ask(1))).toBe(FULL);
    expect(rig.held).toEqual([0, 3, 1]);
  });

  test("leaves at once when its client goes away, and hears why", () => {
    const rig = new Rig({ process: 9, route: 9, upstream: 1, queue: queue(1) });
    const holder = rig.ask();
    const gone = rig.ask();
    gone.exchange.running!.cancel(GONE);
    expect(gone.answer).toBe(GONE);
    expect(gone.exchange.running).toBeNull();
    expect(rig.held).toEqual([1, 1, 1]);
    const next = rig.ask();
    expect(outcome(next)).toBe("waits");
    end(gone);
    end(holder);
    expect(outcome(next)).toBe("in");
    expect(next.exchange.running).toBeNull();
  });

  test("leaves when its client has ended its side, for most of those are gone, and says so to who still reads", () => {
    const rig = new Rig({ process: 9, route: 9, upstream: 1, queue: queue(1) });
    const holder = rig.ask();
    const doubted = rig.ask();
    doubted.exchange.running!.doubt!();
    expect(outcome(doubted)).toBe("upstream api: the client ended its side while it waited");
    expect(doubted.answer?.status).toBe(503);
    expect(rig.held).toEqual([1, 1, 1]);
    end(doubted);
    end(holder);
    expect(rig.held).toEqual([0, 0, 0]);
  });

  test("leaves without a word when its exchange ends by another hand", () => {
    const rig = new Rig({ process: 9, upstream: 1, queue: queue(1) });
    const holder = rig.ask();
    const ended = rig.ask();
    end(ended);
    expect(outcome(ended)).toBe("waits");
    expect(rig.held).toEqual([1, 0, 1]);
    end(holder);
    expect(rig.held).toEqual([0, 0, 0]);
  });

  test("leaks no place, a thousand times", () => {
    const rig = new Rig({ process: 9, route: 9, upstream: 2, queue: queue(5) });
    for (let i = 0; i < 1000; i++) {
      const all = Array.from({ length: 9 }, () => rig.ask());
      for (const one of all) one.exchange.running?.cancel(GONE);
      for (const one of all) end(one);
    }
    expect(rig.held).toEqual([0, 0, 0]);
    expect(Array.from({ length: 8 }, () => outcome(rig.ask())).map((o) => (o === FULL ? "full" : o))).toEqual([
      ...["in", "in"],
      ...["waits", "waits", "waits", "waits", "waits", "full"],
    ]);
  });

  test("goes on though a hundred thousand before it end at once", () => {
    const rig = new Rig({ upstream: 1, queue: queue(100_000, 1e9) });
    const holder = rig.ask();
    const all = Array.from({ length: 100_000 }, () => rig.ask());
    end(holder);
    for (const one of all) end(one);
    expect(all.every((one) => one.answer === null)).toBe(true);
    expect(rig.held).toEqual([0, 0, 0]);
  });
});
