import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BREAKER_WORDS, CircuitBreaker } from "../../src/proxy/upstream/health/circuit-breaker.ts";
import { machineClockOffset } from "../../src/proxy/upstream/health/machine-clock.ts";
import { eventually } from "../kit/eventually.ts";
import { SETTINGS } from "./breakers.ts";

const WORKER = join(import.meta.dir, "breaker-worker.ts");

let folder = "";
let page = "";

beforeEach(() => {
  folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "sluice-breaker-"));
  page = join(folder, "words");
  writeFileSync(page, Buffer.alloc(BREAKER_WORDS * 4), { mode: 0o600 });
});
afterEach(() => rmSync(folder, { recursive: true }));

async function worker(command: string): Promise<{ state: string; changes: string[] }> {
  const child = Bun.spawn([process.execPath, WORKER, page, command], { stdout: "pipe", stderr: "inherit" });
  const text = await new Response(child.stdout).text();
  await child.exited;
  return JSON.parse(text) as { state: string; changes: string[] };
}

function mappedBreaker(settings: Partial<typeof SETTINGS> = {}): CircuitBreaker {
  const bytes = Bun.mmap(page, { shared: true });
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const options = { clockOffsetMs: machineClockOffset(performance.now()), onChange: () => undefined };
  return new CircuitBreaker(words, { ...SETTINGS, ...settings }, options);
}

test("what one process opens is open for another, and both agree for how long", async () => {
  const ours = mappedBreaker();
  expect(await worker("open")).toEqual({ state: "open", changes: ["open"] });
  expect(ours.state).toBe("open");
  const now = performance.now();
  expect(ours.allows(now)).toBe(false);
  // Processes started at different times have different clocks of their own; the machine has one.
  expect(ours.probesInMs(now)).toBeGreaterThan(SETTINGS.openMs - 10_000);
  expect(ours.probesInMs(now)).toBeLessThanOrEqual(SETTINGS.openMs);
  expect(ours.allows(now + SETTINGS.openMs + 100)).toBe(true);
});

test("the machine's time does not depend on when a process started", () => {
  const early = 1_000 + machineClockOffset(1_000);
  const late = 90_000_000 + machineClockOffset(90_000_000);
  expect(Math.abs(late - early)).toBeLessThan(60_000);
});

test("two processes storming through the states lose no change and tell none twice", async () => {
  const storms = await Promise.all([worker("storm"), worker("storm")]);
  const told = storms.flatMap((storm) => storm.changes);
  const count = (state: string) => told.filter((to) => to === state).length;
  const { state } = mappedBreaker();
  // Every spell that began has ended, but for the one that is on.
  expect(count("open")).toBe(count("half-open") + (state === "open" ? 1 : 0));
  expect(count("half-open") - count("closed")).toBeGreaterThanOrEqual(state === "half-open" ? 1 : 0);
  expect(count("half-open")).toBeGreaterThan(10);
});

test("a worker killed while it holds every probe does not keep the breaker half-open for ever", async () => {
  await worker("open");
  expect(await worker("take-probes-and-die")).toEqual({ state: "half-open" } as never);
  const ours = mappedBreaker({ halfOpenRequests: 2, successThreshold: 1, probeMs: 400 });
  const began = await eventually("a probe of our own", () => {
    const now = performance.now();
    return ours.allows(now) ? now : 0;
  });
  ours.succeeded(performance.now(), performance.now() - began);
  expect(ours.state).toBe("closed");
});
