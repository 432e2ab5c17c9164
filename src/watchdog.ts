import { Worker } from "node:worker_threads";
import type { Logger } from "./observability/logger.ts";
import { LABEL_BYTES, LABELS, LABELS_AT } from "./plugin-services/hook-page.ts";
import { type WatchdogData, threadSource } from "./watchdog-thread.ts";

const TICK_MS = 500;
/** 5 s. */
const HOOK_TICKS = 10;
/** 10 s. */
const PENDING_TICKS = 20;
/** 30 s: as long as a worker may take to compile. */
const OTHER_TICKS = 60;

/**
 * Ends this process when its event loop is blocked, and says which hook did it. A thread of its own, because the one that is blocked
 * cannot; it takes some 10 MB, so it is started when there are plugins to watch.
 */
export class Watchdog {
  readonly #memory: SharedArrayBuffer;
  readonly #log: Logger;
  readonly #tickMs: number;
  readonly #beats = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  #timer: Timer | null = null;

  /** @param memory of the HookPage */
  constructor(memory: SharedArrayBuffer, log: Logger, tickMs = TICK_MS) {
    this.#memory = memory;
    this.#log = log;
    this.#tickMs = tickMs;
  }

  /** Once; later calls do nothing. Neither the thread nor the beats keep the process running. */
  start(): void {
    if (this.#timer !== null) return;
    this.#timer = setInterval(() => void Atomics.add(this.#beats, 0, 1), this.#tickMs);
    this.#timer.unref();
    const thread = new Worker(threadSource(), { eval: true, workerData: this.#data() });
    thread.on("error", (error: Error) => {
      this.#log.error(
        { reason: error.message },
        "the watchdog ended: a hook that blocks this process will not be noticed",
      );
    });
    thread.unref();
  }

  /** For ever. */
  stop(): void {
    clearInterval(this.#timer ?? undefined);
    Atomics.store(this.#beats, 1, 1);
    Atomics.notify(this.#beats, 1);
  }

  #data(): WatchdogData {
    return {
      memory: this.#memory,
      beats: this.#beats.buffer as SharedArrayBuffer,
      tickMs: this.#tickMs,
      hookTicks: HOOK_TICKS,
      pendingTicks: PENDING_TICKS,
      otherTicks: OTHER_TICKS,
      labels: LABELS,
      labelsAt: LABELS_AT,
      labelBytes: LABEL_BYTES,
    };
  }
}
