/**
 * Loaded before a program: from SIGUSR1 to SIGUSR2 it looks how long the program works in each turn of its event loop, which is what
 * a request that comes now would wait, and writes what was long into `$PROBE_FILE`. It counts the thread's own time on a core: what
 * others on the machine take is not the program's doing.
 */
import { dlopen, FFIType, ptr } from "bun:ffi";
import { writeFileSync } from "node:fs";

/** Shorter turns are no news. */
const LONG_MS = 0.2;
/** Of Linux. */
const CLOCK_THREAD_CPUTIME_ID = 3;

const { symbols } = dlopen("libc.so.6", {
  clock_gettime: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
});
const time = new BigInt64Array(2);
const timeAt = ptr(time);

function workedMs(): number {
  symbols.clock_gettime(CLOCK_THREAD_CPUTIME_ID, timeAt);
  return Number(time[0]) * 1e3 + Number(time[1]) / 1e6;
}

let isWatching = false;
let turns: Array<[startedAt: number, endedAt: number, workedMs: number]> = [];

function watch(startedAt: number, before: number): void {
  const now = performance.timeOrigin + performance.now();
  const worked = workedMs();
  if (worked - before > LONG_MS) turns.push([startedAt, now, worked - before]);
  if (isWatching) setImmediate(watch, now, worked);
}

process.on("SIGUSR1", () => {
  isWatching = true;
  turns = [];
  setImmediate(watch, performance.timeOrigin + performance.now(), workedMs());
});

process.on("SIGUSR2", () => {
  isWatching = false;
  writeFileSync(process.env["PROBE_FILE"]!, JSON.stringify(turns));
});
