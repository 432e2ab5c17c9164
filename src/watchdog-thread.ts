/** What the watchdog's thread gets. */
export interface WatchdogData {
  /** The hook page. */
  readonly memory: SharedArrayBuffer;
  /** Of Int32s in `beats`: 0 is counted up by the thread that is watched; 1 becomes 1 when the watchdog is to end. */
  readonly beats: SharedArrayBuffer;
  readonly tickMs: number;
  /** So many ticks without a beat are the end while a hook runs. */
  readonly hookTicks: number;
  /** The same when none does and some wait for a promise: one of those may have the thread after an `await`. */
  readonly pendingTicks: number;
  /** The same when there is no hook at all: a configuration may take long to compile. */
  readonly otherTicks: number;
  /** Where the label of number 1 begins, and how long each is. */
  readonly labelsAt: number;
  readonly labelBytes: number;
  readonly labels: number;
}

/**
 * The thread as text, which works in the one-file executable as it does from source. The functions below need nothing around them
 * but one another.
 */
export function threadSource(): string {
  return [openLibc, hooksOf, endProcess, watch, `${watch.name}();`].map(String).join("\n");
}

/** Waits without an event loop, and ends the process without asking the thread that is blocked. */
async function watch(): Promise<void> {
  const { workerData } = await import("node:worker_threads");
  const data = workerData as WatchdogData;
  const beats = new Int32Array(data.beats);
  // Under load timers may be late by seconds while one hook after the other runs: that is life, too.
  const cell = new Int32Array(data.memory, 0, 2 + data.labels);
  const lifeSign = () => Atomics.load(beats, 0) + Atomics.load(cell, 1 + data.labels);
  // Now: later there may be nothing left to open it with.
  const libc = await openLibc();
  // Counted in ticks of this thread: time in which the process did not run does not count.
  let still = 0;
  let last = lifeSign();
  while (Atomics.wait(beats, 1, 0, data.tickMs) === "timed-out") {
    const now = lifeSign();
    still = now === last ? still + 1 : 0;
    last = now;
    if (still < data.hookTicks) continue;
    const { running, pending } = hooksOf(data);
    const limit = running !== null ? data.hookTicks : pending.length > 0 ? data.pendingTicks : data.otherTicks;
    if (still >= limit) await endProcess(running, pending, libc);
  }
}

interface Libc {
  readonly symbols: { _exit(code: number): void; alarm(seconds: number): number };
}

async function openLibc(): Promise<Libc | null> {
  const { dlopen } = await import("bun:ffi");
  const musl = process.arch === "x64" ? "libc.musl-x86_64.so.1" : "libc.musl-aarch64.so.1";
  for (const name of ["libc.so.6", "libSystem.B.dylib", musl])
    try {
      return dlopen(name, { _exit: { args: ["i32"], returns: "void" }, alarm: { args: ["u32"], returns: "u32" } });
    } catch {
      // Another system.
    }
  return null;
}

function hooksOf({ memory, labels, labelsAt, labelBytes }: WatchdogData): {
  running: string | null;
  pending: string[];
} {
  const cell = new Int32Array(memory, 0, 1 + labels);
  const textOf = (number: number) => {
    const bytes = new Uint8Array(memory, labelsAt + (number - 1) * labelBytes, labelBytes).slice();
    return new TextDecoder().decode(bytes.subarray(0, bytes.includes(0) ? bytes.indexOf(0) : bytes.length));
  };
  const number = Atomics.load(cell, 0);
  const pending: string[] = [];
  for (let i = 1; i <= labels; i++) if (Atomics.load(cell, i) > 0) pending.push(textOf(i));
  return { running: number < 1 || number > labels ? null : textOf(number), pending };
}

async function endProcess(hook: string | null, pending: string[], libc: Libc | null): Promise<void> {
  const { writeSync } = await import("node:fs");
  // EX_SOFTWARE: whoever started this process should start it again.
  const exitCode = 70;
  // A pipe that nobody reads must not keep the process: SIGALRM ends it then.
  libc?.symbols.alarm(2);
  const perhaps = pending.length === 0 ? "" : `, perhaps one of these hooks after an await: ${pending.join(", ")}`;
  const what = hook === null ? `something blocked the event loop${perhaps}` : `a hook blocked the event loop: ${hook}`;
  const line = { level: "fatal", time: new Date().toISOString(), hook, pending, exitCode, msg: `${what}; exiting` };
  try {
    writeSync(1, `${JSON.stringify(line)}\n`);
  } catch {
    // It ends all the same.
  }
  libc?.symbols._exit(exitCode);
  process.kill(process.pid, "SIGKILL");
}
