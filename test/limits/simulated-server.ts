import { AdaptiveConcurrency } from "../../src/proxy/limits/adaptive-concurrency.ts";

interface Load {
  readonly perSecond: number;
  readonly ms: number;
}

interface Outcome {
  /** Completed a second. */
  readonly perSecond: number;
  readonly p99: number;
  readonly refused: number;
}

/** A server with so many workers and an endless queue, behind an adaptive limit, in simulated time. */
export class Server {
  serviceMs: number;
  readonly adaptive: AdaptiveConcurrency;
  readonly #costOf: (random: number) => number;
  readonly #freeAt: number[];
  /** Ends of what is in flight; in order, for each worker takes the oldest. */
  #running: Array<{ start: number; end: number }> = [];
  #now = 0;
  #random = 1;

  /** @param costOf ms of one request, by a random number; default: `serviceMs`, a fifth more or less */
  constructor(options: { parallel: number; serviceMs: number; costOf?: (random: number) => number }) {
    const { parallel, serviceMs, costOf } = options;
    this.serviceMs = serviceMs;
    this.#costOf = costOf ?? ((random) => this.serviceMs * (0.8 + 0.4 * random));
    this.#freeAt = Array.from({ length: parallel }, () => 0);
    this.adaptive = new AdaptiveConcurrency({ now: () => this.#now });
  }

  run({ perSecond, ms }: Load): Outcome {
    const latencies: number[] = [];
    let refused = 0;
    const until = this.#now + ms;
    for (let arrival = this.#now; arrival < until; arrival += (1000 / perSecond) * (0.5 + this.#next())) {
      this.#finish(arrival, latencies);
      if (this.#running.length < this.adaptive.limit) this.#start(arrival);
      else refused++;
    }
    this.#finish(until, latencies);
    latencies.sort((a, b) => a - b);
    return {
      perSecond: (latencies.length * 1000) / ms,
      p99: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
      refused,
    };
  }

  #start(now: number): void {
    let worker = 0;
    for (let i = 1; i < this.#freeAt.length; i++) if (this.#freeAt[i]! < this.#freeAt[worker]!) worker = i;
    const end = Math.max(now, this.#freeAt[worker]!) + this.#costOf(this.#next());
    this.#freeAt[worker] = end;
    let at = this.#running.length;
    while (at > 0 && this.#running[at - 1]!.end > end) at--;
    this.#running.splice(at, 0, { start: now, end });
  }

  #finish(now: number, latencies: number[]): void {
    while (this.#running.length > 0 && this.#running[0]!.end <= now) {
      const inFlight = this.#running.length;
      const { start, end } = this.#running.shift()!;
      this.#now = end;
      latencies.push(end - start);
      this.adaptive.observe(end - start, inFlight, false);
    }
    this.#now = now;
  }

  // Park and Miller's: the same numbers each time.
  #next(): number {
    this.#random = (this.#random * 48_271) % 2_147_483_647;
    return this.#random / 2_147_483_647;
  }
}
