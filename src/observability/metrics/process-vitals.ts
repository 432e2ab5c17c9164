import { statSync } from "node:fs";

export interface ProcessVitals {
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly cpuSeconds: number;
  /** Since the epoch. */
  readonly startedAtSeconds: number;
  /** null where the machine does not say. */
  readonly openFiles: number | null;
  /** How late the event loop was, at worst, of late. */
  readonly lagSeconds: number;
}

/** Of this process. */
export function processVitals(lag: LoopLag): ProcessVitals {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return {
    rssBytes: rss,
    heapBytes: heapUsed,
    cpuSeconds: (user + system) / 1e6,
    startedAtSeconds: Date.now() / 1000 - process.uptime(),
    openFiles: openFiles(),
    lagSeconds: lag.worstMs / 1000,
  };
}

/** The folder's size is their number since Linux 6.2. Reading it would take milliseconds where there are thousands of connections. */
function openFiles(): number | null {
  try {
    const { size } = statSync("/proc/self/fd");
    return size > 0 ? size : null;
  } catch {
    return null;
  }
}

const BEAT_MS = 500;
/** So many beats are remembered: longer than most scrapers wait between two scrapes. */
const BEATS = 60;

export interface LoopLagOptions {
  /** Monotonic ms. */
  readonly now: () => number;
  /** Calls `run` every so many ms, without keeping the process alive. @returns ends it */
  readonly every: (ms: number, run: () => void) => () => void;
}

/** How late timers are: what a request waits when something else has the event loop. */
export class LoopLag {
  readonly #lags = new Float64Array(BEATS);
  readonly #options: LoopLagOptions;
  readonly #stop: () => void;
  #at = 0;
  #due: number;

  constructor(options: LoopLagOptions = { now: () => performance.now(), every: everyQuietly }) {
    this.#options = options;
    this.#due = options.now() + BEAT_MS;
    this.#stop = options.every(BEAT_MS, () => this.#beat());
  }

  /** In the last half minute. */
  get worstMs(): number {
    // Nothing has beaten since: it is late by that already.
    return Math.max(...this.#lags, this.#options.now() - this.#due);
  }

  stop(): void {
    this.#stop();
  }

  #beat(): void {
    const now = this.#options.now();
    this.#lags[this.#at++ % BEATS] = Math.max(0, now - this.#due);
    this.#due = now + BEAT_MS;
  }
}

export function everyQuietly(ms: number, run: () => void): () => void {
  const timer = setInterval(run, ms);
  timer.unref();
  return () => clearInterval(timer);
}
