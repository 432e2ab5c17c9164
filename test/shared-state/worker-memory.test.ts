import { expect, test } from "bun:test";
import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { BREAKER_SLOTS, RATE_KEYS, WORKER_ROWS } from "../../src/proxy/shared-state.ts";
import { WorkerMemory } from "../../src/shared-state/worker-memory.ts";
import { SharingWorker } from "./sharing.ts";

function memory(): WorkerMemory {
  return new WorkerMemory(RATE_KEYS, () => undefined);
}

test("workers see each other's requests in flight, and those of a killed one are given back", async () => {
  const shared = memory();
  await using first = await SharingWorker.start(shared);
  await using second = await SharingWorker.start(shared);
  expect(await first.do("acquire", 7)).toBe(1);
  expect(await first.do("acquire", 7)).toBe(2);
  expect(await second.do("acquire", 7)).toBe(3);
  expect(await second.do("count", 8)).toBe(0);
  await first.kill();
  expect(await second.do("count", 7)).toBe(1);
});

test("a worker that starts when another was killed has its row and none of its counts", async () => {
  const shared = memory();
  await using survivor = await SharingWorker.start(shared);
  for (let deaths = 0; deaths < 3; deaths++) {
    await using worker = await SharingWorker.start(shared);
    expect(await worker.do("acquire", 0)).toBe(1);
    await worker.kill();
  }
  expect(await survivor.do("count", 0)).toBe(0);
});

test("breakers outlive every worker", async () => {
  const shared = memory();
  for (const slot of [0, BREAKER_SLOTS - 1]) {
    for (let expected = 1; expected <= 2; expected++) {
      await using worker = await SharingWorker.start(shared);
      expect(await worker.do("mark", slot)).toBe(expected);
    }
  }
});

test("a breaker beyond the last slot is the worker's own and disturbs nobody", async () => {
  const shared = memory();
  await using first = await SharingWorker.start(shared);
  await using second = await SharingWorker.start(shared);
  for (const slot of [BREAKER_SLOTS, BREAKER_SLOTS + 1])
    for (const worker of [first, second]) expect(await worker.do("mark", slot)).toBe(1);
  expect(await first.do("mark", BREAKER_SLOTS)).toBe(2);
  expect(await first.do("count", 0)).toBe(0);
});

test("workers that take at the same time share one rate limit to the last request", async () => {
  const shared = memory();
  await using first = await SharingWorker.start(shared);
  await using second = await SharingWorker.start(shared);
  const allowed = await Promise.all([first.do("take", 800), second.do("take", 800)]);
  expect(allowed[0]! + allowed[1]!).toBe(1000);
});

test("times in shared memory are the machine's, not those of a worker's own clock", async () => {
  const uptimeMs = () => Number.parseFloat(readFileSync("/proc/uptime", "latin1")) * 1000;
  const before = uptimeMs();
  await using worker = await SharingWorker.start(memory());
  const told = await worker.do("offset", 0);
  // Hundredths of a second are what the machine tells, and a worker may be held up while it asks.
  expect(told).toBeGreaterThanOrEqual(before - 20);
  expect(told).toBeLessThan(before + 60_000);
});

test("the memory has no name, and a worker that has mapped it keeps no open file", async () => {
  const shared = memory();
  expect(readlinkSync(`/proc/self/fd/${shared.fd}`)).toEndWith(" (deleted)");
  await using worker = await SharingWorker.start(shared);
  const open = readdirSync(`/proc/${worker.pid}/fd`).map((fd) => linkOf(`/proc/${worker.pid}/fd/${fd}`));
  expect(open.filter((target) => target.includes("sluice-"))).toEqual([]);
  expect(readFileSync(`/proc/${worker.pid}/maps`, "latin1")).toMatch(/rw-s .*\/sluice-.* \(deleted\)/);
});

test("who finds every row taken is told so and gets none, until one is given back", () => {
  let refused = 0;
  const shared = new WorkerMemory(RATE_KEYS, () => refused++);
  const rows = Array.from({ length: WORKER_ROWS }, () => shared.takeRow());
  expect(new Set(rows).size).toBe(WORKER_ROWS);
  expect([shared.takeRow(), refused]).toEqual([null, 1]);
  shared.giveBack(17);
  expect([shared.takeRow(), refused]).toEqual([17, 1]);
});

test("a worker without a row shares the breakers and limits, and counts what it has in flight alone", async () => {
  const shared = memory();
  await using rowed = await SharingWorker.start(shared);
  await rowed.do("acquire", 3);
  await rowed.do("mark", 3);
  await using rowless = await SharingWorker.start({ fd: shared.fd, takeRow: () => null, giveBack: () => undefined });
  expect(await rowless.do("acquire", 3)).toBe(1);
  expect(await rowless.do("mark", 3)).toBe(2);
  expect(await rowed.do("count", 3)).toBe(1);
});

/** Some descriptors are closed while they are looked at. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
