/**
 * Open-loop load: requests are due at a fixed rate whether or not earlier ones were answered, and latency counts from when a
 * request was due, not from when a connection was free for it. So a proxy that stalls pays for every request that waited
 * ("coordinated omission", Gil Tene).
 */
import type { Socket } from "bun";
import { percentile } from "../harness/statistics.ts";
import { ReplyCounter } from "./reply-counter.ts";

const ANSWERS_WAIT_MS = 2_000;
const CONNECTS_AT_ONCE = 64;

export interface OpenLoad {
  readonly url: string;
  readonly ratePerSecond: number;
  readonly seconds: number;
  /** Driven at the same rate first, and not counted. */
  readonly warmupSeconds: number;
  readonly connections: number;
}

export interface OpenLoadResult {
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly achievedPerSecond: number;
  /** How late requests were sent though a connection was free: the generator's own share in the latencies, at p99. */
  readonly lagP99Ms: number;
  readonly unanswered: number;
  readonly failed: number;
}

interface Lane {
  readonly replies: ReplyCounter;
  /** When the request it carries was due; negative while it carries none. */
  dueAt: number;
  socket: Socket<Lane> | undefined;
}

/** First in, first out over a fixed ring: every connection gets its turn. */
class Ring<T> {
  readonly #slots: (T | undefined)[];
  #head = 0;
  size = 0;

  constructor(capacity: number) {
    this.#slots = Array.from({ length: capacity }, () => undefined);
  }

  push(item: T): void {
    this.#slots[(this.#head + this.size++) % this.#slots.length] = item;
  }

  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const item = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.#slots.length;
    this.size--;
    return item;
  }
}

class Generator {
  readonly #load: OpenLoad;
  readonly #request: Buffer;
  readonly #idle: Ring<Lane>;
  readonly #lanes: Lane[] = [];
  readonly #latencies: Float64Array;
  readonly #lags: Float64Array;
  readonly #total: number;
  readonly #warmup: number;
  #sent = 0;
  #answered = 0;
  #counted = 0;
  #lagged = 0;
  #failed = 0;
  #startAt = 0;
  #lastAnswerAt = 0;
  #broken: Error | undefined;

  constructor(load: OpenLoad) {
    const { host, pathname, search } = new URL(load.url);
    this.#load = load;
    this.#request = Buffer.from(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, "latin1");
    this.#idle = new Ring(load.connections);
    this.#warmup = Math.round(load.warmupSeconds * load.ratePerSecond);
    this.#total = this.#warmup + Math.round(load.seconds * load.ratePerSecond);
    this.#latencies = new Float64Array(this.#total - this.#warmup);
    this.#lags = new Float64Array(this.#total - this.#warmup);
  }

  async run(): Promise<OpenLoadResult> {
    for (let opened = 0; opened < this.#load.connections; opened += CONNECTS_AT_ONCE) {
      const batch = Math.min(CONNECTS_AT_ONCE, this.#load.connections - opened);
      await Promise.all(Array.from({ length: batch }, () => this.#open()));
    }
    await this.#drive();
    if (this.#broken !== undefined) throw this.#broken;
    const result = this.#result();
    for (const lane of this.#lanes) lane.socket?.terminate();
    return result;
  }

  async #open(): Promise<void> {
    const { hostname, port } = new URL(this.#load.url);
    await Bun.connect<Lane>({
      hostname,
      port: Number(port || 80),
      data: { replies: new ReplyCounter(), dueAt: -1, socket: undefined },
      socket: {
        binaryType: "buffer",
        open: (socket) => {
          socket.data.socket = socket;
          this.#lanes.push(socket.data);
          this.#idle.push(socket.data);
        },
        data: (socket, bytes) => this.#onBytes(socket.data, bytes),
        close: (socket) => this.#onClose(socket.data),
      },
    });
  }

  /** Looks for due requests after every turn of the event loop; a timer would add up to a millisecond to every latency. */
  #drive(): Promise<void> {
    this.#startAt = performance.now();
    const endAt = this.#startAt + (this.#total / this.#load.ratePerSecond) * 1000 + ANSWERS_WAIT_MS;
    return new Promise((resolve) => {
      const turn = (): void => {
        const now = performance.now();
        this.#sendDue(now);
        if (this.#answered >= this.#total || this.#broken !== undefined || now > endAt) resolve();
        else setImmediate(turn);
      };
      turn();
    });
  }

  #dueAt(index: number): number {
    return this.#startAt + (index * 1000) / this.#load.ratePerSecond;
  }

  #sendDue(now: number): void {
    while (this.#sent < this.#total && this.#idle.size > 0) {
      const dueAt = this.#dueAt(this.#sent);
      if (dueAt > now) return;
      const lane = this.#idle.shift();
      if (lane === undefined || lane.socket === undefined) continue; // closed while it was idle
      lane.dueAt = dueAt;
      // Only what was due after a connection was free tells of the generator; the rest waited for the proxy.
      if (this.#idle.size > 0 && this.#sent >= this.#warmup) this.#lags[this.#lagged++] = now - dueAt;
      this.#sent++;
      lane.socket.write(this.#request);
    }
  }

  #onBytes(lane: Lane, bytes: Buffer): void {
    try {
      if (lane.replies.take(bytes) === 0 || lane.dueAt < 0) return;
    } catch (error) {
      this.#broken = error instanceof Error ? error : new Error(String(error));
      return;
    }
    this.#lastAnswerAt = performance.now();
    this.#answered++;
    if (lane.dueAt >= this.#dueAt(this.#warmup)) this.#latencies[this.#counted++] = this.#lastAnswerAt - lane.dueAt;
    lane.dueAt = -1;
    this.#idle.push(lane);
  }

  #onClose(lane: Lane): void {
    lane.socket = undefined;
    if (lane.dueAt >= 0) this.#failed++;
    if (this.#lanes.every((other) => other.socket === undefined)) {
      this.#broken ??= new Error("every connection was closed");
    }
  }

  /** Those that were never answered have waited until now at least: leaving them out would flatter a proxy that stalls. */
  #countUnanswered(): void {
    const now = performance.now();
    const from = this.#dueAt(this.#warmup);
    for (const { dueAt } of this.#lanes) if (dueAt >= from) this.#latencies[this.#counted++] = now - dueAt;
    for (let index = Math.max(this.#sent, this.#warmup); index < this.#total; index++) {
      this.#latencies[this.#counted++] = now - this.#dueAt(index);
    }
  }

  #result(): OpenLoadResult {
    const seconds = (this.#lastAnswerAt - this.#dueAt(this.#warmup)) / 1000;
    const achievedPerSecond = this.#counted === 0 ? 0 : this.#counted / seconds;
    this.#countUnanswered();
    const ascending = this.#latencies.subarray(0, this.#counted).sort();
    const lags = this.#lags.subarray(0, this.#lagged).sort();
    return {
      p50Ms: percentile(ascending, 0.5),
      p90Ms: percentile(ascending, 0.9),
      p99Ms: percentile(ascending, 0.99),
      p999Ms: percentile(ascending, 0.999),
      achievedPerSecond,
      lagP99Ms: lags.length === 0 ? 0 : percentile(lags, 0.99), // none: every one waited for the proxy
      unanswered: this.#total - this.#answered,
      failed: this.#failed + this.#lanes.reduce((sum, lane) => sum + lane.replies.failed, 0),
    };
  }
}

/** Drives the load. @throws an Error when the proxy cannot be reached, or answers what cannot be counted */
export function runOpenLoad(load: OpenLoad): Promise<OpenLoadResult> {
  return new Generator(load).run();
}
