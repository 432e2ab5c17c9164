/** Open-loop load that tells the answered from the refused. Requests are due at a fixed rate, and latency counts from then. */
import type { Socket } from "bun";
import { percentile } from "../harness/statistics.ts";

const TICK_MS = 1;
const LAST_MOMENT = 0.05;
const ANSWERS_WAIT_MS = 5_000;
const STATUS_AT = "HTTP/1.1 ".length;

export interface OpenLoad {
  readonly port: number;
  readonly perSecond: number;
  readonly seconds: number;
  /** Driven first, and not counted. */
  readonly warmupSeconds: number;
  /** At most so many at once: what is due beyond waits, and its wait counts. */
  readonly connections: number;
}

export interface OpenLoadResult {
  /** Answered 200, a second. */
  readonly goodput: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of those that were answered 503, and how long that took. */
  readonly refused: number;
  readonly refusedP99Ms: number;
  /** Neither 200 nor 503: another status, a broken connection, or nothing within five seconds. */
  readonly failed: number;
}

interface Lane {
  /** Of the request that it carries; negative: none. */
  dueAt: number;
  socket: Socket<Lane>;
  seen: string;
}

class Generator {
  readonly #load: OpenLoad;
  readonly #idle: Lane[] = [];
  readonly #good: number[] = [];
  readonly #refused: number[] = [];
  #busy = 0;
  #failed = 0;
  #startAt = 0;
  #countFrom = 0;

  constructor(load: OpenLoad) {
    this.#load = load;
  }

  async run(): Promise<OpenLoadResult> {
    const { connections, perSecond, seconds, warmupSeconds } = this.#load;
    const lanes = await Promise.all(Array.from({ length: connections }, () => this.#open()));
    this.#idle.push(...lanes);
    this.#startAt = performance.now();
    this.#countFrom = this.#startAt + warmupSeconds * 1000;
    const total = (seconds + warmupSeconds) * perSecond;
    const endAt = this.#startAt + (seconds + warmupSeconds) * 1000;
    let sent = 0;
    // Oldest due first, whoever is free. What could not be sent by the end is one more that failed.
    while (performance.now() < endAt) {
      for (; sent < total && this.#dueAt(sent) <= performance.now(); sent++) {
        const lane = this.#idle.shift();
        if (lane === undefined) break;
        this.#send(lane, this.#dueAt(sent));
      }
      await Bun.sleep(TICK_MS);
    }
    for (const until = endAt + ANSWERS_WAIT_MS; this.#busy > 0 && performance.now() < until;) await Bun.sleep(10);
    // What was due in the last moment may be unsent because the time was over.
    this.#failed += this.#busy + Math.max(0, Math.floor(total - sent - perSecond * LAST_MOMENT));
    for (const lane of lanes) lane.socket.terminate();
    return this.#result();
  }

  #dueAt(index: number): number {
    return this.#startAt + (index * 1000) / this.#load.perSecond;
  }

  #open(): Promise<Lane> {
    const lane = { dueAt: -1, seen: "" } as Lane;
    const open = Bun.connect<Lane>({
      hostname: "127.0.0.1",
      port: this.#load.port,
      data: lane,
      socket: {
        data: (socket, bytes) => this.#onBytes(socket.data, bytes.toString("latin1")),
        close: (socket) => this.#onClose(socket.data),
      },
    });
    return open.then((socket) => ((lane.socket = socket), lane));
  }

  #send(lane: Lane, dueAt: number): void {
    lane.dueAt = dueAt;
    this.#busy++;
    lane.socket.write("GET / HTTP/1.1\r\nHost: bench\r\n\r\n");
  }

  #onBytes(lane: Lane, text: string): void {
    lane.seen += text;
    const head = lane.seen.indexOf("\r\n\r\n");
    if (head < 0) return;
    const length = /\r\ncontent-length: *(\d+)/i.exec(lane.seen)?.[1];
    if (length === undefined || lane.seen.length < head + 4 + Number(length)) return;
    const status = lane.seen.slice(STATUS_AT, STATUS_AT + 3);
    const isCounted = lane.dueAt >= this.#countFrom;
    const tookMs = performance.now() - lane.dueAt;
    if (status !== "200" && status !== "503") this.#failed++;
    else if (isCounted) (status === "200" ? this.#good : this.#refused).push(tookMs);
    lane.seen = "";
    lane.dueAt = -1;
    this.#busy--;
    this.#idle.push(lane);
  }

  #onClose(lane: Lane): void {
    if (lane.dueAt < 0) return;
    this.#busy--;
    this.#failed++;
  }

  #result(): OpenLoadResult {
    const good = Float64Array.from(this.#good).sort();
    const refused = Float64Array.from(this.#refused).sort();
    return {
      goodput: good.length / this.#load.seconds,
      p50Ms: percentile(good, 0.5),
      p99Ms: percentile(good, 0.99),
      refused: refused.length / Math.max(1, good.length + refused.length),
      refusedP99Ms: refused.length === 0 ? 0 : percentile(refused, 0.99),
      failed: this.#failed,
    };
  }
}

export function runOpenLoad(load: OpenLoad): Promise<OpenLoadResult> {
  return new Generator(load).run();
}
