import { expect, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import type { Exchange } from "../../src/model/exchange.ts";
import { CounterPages } from "../../src/observability/counter-pages.ts";
import { Counters, SLOT_SIZE } from "../../src/observability/counters.ts";
import { mapPage } from "../../src/observability/page-file.ts";

/** An exchange as far as counters look at it. */
function exchange(slot: number): Exchange {
  const route = { slot };
  return { route, startedAt: 0, endedAt: 3, status: 200, requestBytes: 10, replyBytes: 100 } as unknown as Exchange;
}

/** A worker's counters on the page it was given. */
function take(pages: CounterPages, worker: number, slots: number): Counters {
  const counters = new Counters(new Float64Array(SLOT_SIZE));
  counters.moveTo(mapPage(pages.give(worker, slots)!));
  pages.taken(worker);
  return counters;
}

test("the total is the sum of what all workers counted", () => {
  const pages = new CounterPages();
  const [first, second] = [take(pages, 1, 4), take(pages, 2, 4)];
  first.record(exchange(3));
  second.record(exchange(3));
  second.record(exchange(2));
  expect(pages.read(3)).toMatchObject({ requests: 2, bytesIn: 20, bytesOut: 200, sumMs: 6 });
  expect(pages.read(3).byStatusClass).toEqual([0, 2, 0, 0, 0, 0]);
  expect(pages.read(2).requests).toBe(1);
});

test("a worker's end changes no total", () => {
  const pages = new CounterPages();
  const [first, second] = [take(pages, 1, 4), take(pages, 2, 4)];
  first.record(exchange(1));
  second.record(exchange(1));
  const before = pages.read(1);
  pages.gone(1);
  expect(pages.read(1)).toEqual(before);
  take(pages, 3, 4).record(exchange(1));
  expect(pages.read(1).requests).toBe(3);
});

test("a worker that outgrows its page goes on in a larger one, and nothing is lost or counted twice", () => {
  const pages = new CounterPages();
  const counters = take(pages, 1, 4);
  counters.record(exchange(1));
  expect(pages.give(1, 4)).toBeNull();
  const path = pages.give(1, 5000)!;
  counters.record(exchange(1));
  counters.moveTo(mapPage(path));
  counters.record(exchange(1));
  counters.record(exchange(4999));
  expect(pages.read(1).requests).toBe(3);
  pages.taken(1);
  expect(pages.read(1).requests).toBe(3);
  expect(pages.read(4999).requests).toBe(1);
  pages.gone(1);
  expect(pages.read(1).requests).toBe(3);
  expect(pages.slots).toBeGreaterThanOrEqual(5000);
});

test("a page is for this user only, and has no name once the worker has mapped it", () => {
  const pages = new CounterPages();
  const path = pages.give(1, 4)!;
  expect(statSync(path).mode & 0o777).toBe(0o600);
  pages.taken(1);
  expect(existsSync(path)).toBe(false);
});

test("the page of a worker that died before it mapped it leaves no file", () => {
  const pages = new CounterPages();
  const path = pages.give(1, 4)!;
  pages.gone(1);
  expect(existsSync(path)).toBe(false);
});

test("a process that is killed loses no count", async () => {
  const pages = new CounterPages();
  const path = pages.give(1, 4)!;
  const script = `
    const { mapPage } = await import(${JSON.stringify(import.meta.resolve("../../src/observability/page-file.ts"))});
    const page = mapPage(${JSON.stringify(path)});
    for (let i = 0; i < 1000; i++) page[${SLOT_SIZE}] += 1;
    process.kill(process.pid, "SIGKILL");`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "ignore", stderr: "inherit" });
  await child.exited;
  pages.taken(1);
  pages.gone(1);
  expect(pages.read(1).requests).toBe(1000);
});
