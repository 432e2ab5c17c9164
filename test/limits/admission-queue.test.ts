import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { AdmissionQueue, type Gate, type Waiting, type WaitingList } from "../../src/proxy/limits/admission-queue.ts";

class Places implements Gate {
  held = 0;
  limit: number;
  /** Places that the classes below the first leave free. */
  left = 0;
  constructor(limit: number) {
    this.limit = limit;
  }
  tryAcquire(rank: number): boolean {
    if (this.held >= this.limit - (rank > 0 ? this.left : 0)) return false;
    this.held++;
    return true;
  }
  release(): void {
    this.held--;
  }
}

class Entry implements Waiting {
  queuedAt = 0;
  queuedIn: WaitingList | null = null;
  before: Waiting | null = null;
  after: Waiting | null = null;
  readonly #log: string[];
  constructor(
    log: string[],
    readonly name: string,
    readonly priority = 0,
  ) {
    this.#log = log;
  }
  admitted(): void {
    this.#log.push(`${this.name} admitted`);
  }
  refused(why: string): void {
    this.#log.push(`${this.name} ${why}`);
  }
}

function rig(options: { limit?: number; maxWaiting?: number; maxWaitMs?: number } = {}) {
  const gate = new Places(options.limit ?? 1);
  const log: string[] = [];
  const { maxWaiting = 2, maxWaitMs = 100 } = options;
  const queue = new AdmissionQueue({ gate, maxWaiting, maxWaitMs, classes: 3 });
  const entry = (name: string, priority = 0) => new Entry(log, name, priority);
  return { gate, log, queue, entry, admit: (name: string, rank = 0, now = 0) => queue.admit(entry(name, rank), now) };
}

describe("the admission queue", () => {
  test("admits while there are places, queues up to its bound, then refuses at once", () => {
    const { admit, queue, log } = rig({ limit: 2 });
    expect(["a", "b", "c", "d", "e"].map((name) => admit(name))).toEqual([
      "admitted",
      "admitted",
      "queued",
      "queued",
      "refused",
    ]);
    expect(queue.waiting).toBe(2);
    expect(log).toEqual([]);
  });

  test("gives a free place to the most important, the oldest of a class first", () => {
    const { admit, queue, log, gate } = rig({ maxWaiting: 9 });
    admit("holder");
    for (const [name, rank] of [
      ["low1", 2],
      ["mid1", 1],
      ["top1", 0],
      ["mid2", 1],
      ["top2", 0],
    ] as const)
      admit(name, rank);
    for (let i = 0; i < 5; i++) queue.release(1);
    expect(log).toEqual(["top1", "top2", "mid1", "mid2", "low1"].map((name) => `${name} admitted`));
    queue.release(1);
    expect([gate.held, queue.waiting]).toEqual([0, 0]);
  });

  test("sheds the newest of the least important when it is full, for a more important one only", () => {
    const { admit, queue, log } = rig();
    admit("holder");
    admit("low1", 2);
    admit("low2", 2);
    expect(admit("low3", 2)).toBe("refused");
    expect(admit("mid", 1)).toBe("queued");
    expect(log).toEqual(["low2 shed"]);
    expect(admit("top", 0)).toBe("queued");
    expect(admit("mid2", 1)).toBe("refused");
    expect(log).toEqual(["low2 shed", "low1 shed"]);
    queue.shed(1);
    expect(log.at(-1)).toBe("mid shed");
    expect(queue.waiting).toBe(1);
  });

  test("refuses at a tick who waited too long, the others stay", () => {
    const { admit, queue, log } = rig({ maxWaiting: 9 });
    admit("holder");
    admit("a", 0, 0);
    admit("b", 2, 50);
    queue.tick(99);
    expect(log).toEqual([]);
    queue.tick(100);
    expect(log).toEqual(["a expired"]);
    queue.release(150);
    expect(log).toEqual(["a expired", "b expired"]);
    expect(queue.waiting).toBe(0);
  });

  test("makes room of who waited too long before it sheds", () => {
    const { admit, log } = rig();
    admit("holder");
    admit("a", 0, 0);
    admit("low", 2, 90);
    expect(admit("b", 1, 100)).toBe("queued");
    expect(log).toEqual(["a expired"]);
  });

  test("lets nobody pass who is as important and came later", () => {
    const { admit, gate } = rig();
    admit("holder");
    admit("first");
    gate.limit = 2;
    expect(admit("second")).toBe("queued");
  });

  test("lets in at a tick when the limit rose", () => {
    const { admit, queue, log, gate } = rig();
    admit("holder");
    admit("a");
    admit("b");
    gate.limit = 3;
    queue.tick(1);
    expect(log).toEqual(["a admitted", "b admitted"]);
  });

  test("lets the first class pass whom its gate keeps out, and nobody be forgotten", () => {
    const { admit, queue, log, gate } = rig({ limit: 2 });
    gate.left = 1;
    expect(["a", "b", "c"].map((name) => admit(name, name === "c" ? 0 : 1))).toEqual([
      "admitted",
      "queued",
      "admitted",
    ]);
    queue.release(1);
    expect(log).toEqual([]);
    queue.release(1);
    expect(log).toEqual(["b admitted"]);
  });

  test("forgets who goes away, and only once", () => {
    const { queue, entry, log } = rig();
    queue.admit(entry("holder"), 0);
    const gone = entry("gone");
    queue.admit(gone, 0);
    queue.admit(entry("stays"), 0);
    expect([queue.cancel(gone), queue.cancel(gone)]).toEqual([true, false]);
    expect(rig().queue.cancel(gone)).toBe(false);
    queue.release(1);
    expect(log).toEqual(["stays admitted"]);
  });

  test("serves a hundred thousand that end at once without a deep stack", () => {
    const { queue, gate } = rig({ maxWaiting: 100_000 });
    let served = 0;
    queue.admit(new Entry([], "holder"), 0);
    for (let i = 0; i < 100_000; i++) {
      const entry = new Entry([], "x");
      entry.admitted = () => {
        served++;
        queue.release(1);
      };
      queue.admit(entry, 0);
    }
    queue.release(1);
    expect([served, gate.held, queue.waiting]).toEqual([100_000, 0, 0]);
  });

  test("takes priorities that are no class for the nearest", () => {
    const { admit, queue, log } = rig({ maxWaiting: 9 });
    admit("holder");
    admit("far", 99);
    admit("nan", Number.NaN);
    admit("under", -5);
    queue.shed(2);
    expect(log).toEqual(["far shed"]);
  });

  test("answers each waiting entry once and never holds more than its bounds, whatever comes", () => {
    const step = fc.record({ what: fc.constantFrom("admit", "admit", "release", "tick", "cancel"), n: fc.nat(40) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const { queue, gate, entry, log } = rig({ limit: 3, maxWaiting: 5 });
        const entries: Entry[] = [];
        let now = 0;
        let cancelled = 0;
        let queued = 0;
        for (const { what, n } of steps) {
          now += n;
          if (what === "release" && gate.held > 0) queue.release(now);
          if (what === "tick") queue.tick(now);
          if (what === "cancel" && entries[n] !== undefined && queue.cancel(entries[n])) cancelled++;
          if (what === "admit") {
            entries.push(entry(`e${entries.length}`, n % 3));
            if (queue.admit(entries.at(-1)!, now) === "queued") queued++;
          }
          expect(queue.waiting).toBeLessThanOrEqual(5);
          expect(gate.held).toBeLessThanOrEqual(3);
        }
        expect(queued).toBe(log.length + cancelled + queue.waiting);
        expect(new Set(log.map((line) => line.split(" ")[0])).size).toBe(log.length);
      }),
    );
  });
});
