import type { Exchange } from "../model/exchange.ts";

/** Upper bounds of the latency histogram in ms; the last bucket is unbounded. */
export const LATENCY_BUCKETS_MS = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000] as const;

const COUNT = 0;
/** 1xx to 5xx, then what has no status. */
const STATUS = 1;
const SUM_MS = 7;
const BYTES_IN = 8;
const BYTES_OUT = 9;
const BUCKETS = 10;

/** Numbers a slot takes. */
export const SLOT_SIZE = BUCKETS + LATENCY_BUCKETS_MS.length + 1;

export interface RouteCounts {
  readonly requests: number;
  readonly byStatusClass: readonly number[];
  readonly sumMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly buckets: readonly number[];
}

/** Reads totals by slot, whoever counted them. */
export interface CounterReader {
  readonly slots: number;
  read(slot: number): RouteCounts;
}

/**
 * What happened, by route: one page of numbers that only its worker writes and anyone may read. Slot 0 is for exchanges that
 * matched no route. Numbers only grow, so a reader needs no lock to make sense of them.
 */
export class Counters implements CounterReader {
  #page: Float64Array;

  constructor(page: Float64Array) {
    this.#page = page;
  }

  /** Goes on in a larger page of its own. */
  grow(slots: number): void {
    const page = new Float64Array(slots * SLOT_SIZE);
    page.set(this.#page);
    this.#page = page;
  }

  /** Goes on in `page` from what it says; what the page before says stays true and is somebody else's to add. */
  moveTo(page: Float64Array): void {
    this.#page = page;
  }

  get slots(): number {
    return Math.floor(this.#page.length / SLOT_SIZE);
  }

  record(exchange: Exchange): void {
    const page = this.#page;
    const at = (exchange.route === null ? 0 : exchange.route.slot) * SLOT_SIZE;
    if (at + SLOT_SIZE > page.length) return;
    const ms = exchange.endedAt - exchange.startedAt;
    const statusClass = (exchange.status / 100) | 0;
    page[at + COUNT]! += 1;
    page[at + STATUS + (statusClass >= 1 && statusClass <= 5 ? statusClass - 1 : 5)]! += 1;
    page[at + SUM_MS]! += ms;
    page[at + BYTES_IN]! += exchange.requestBytes;
    page[at + BYTES_OUT]! += exchange.replyBytes;
    let bucket = 0;
    while (bucket < LATENCY_BUCKETS_MS.length && ms > LATENCY_BUCKETS_MS[bucket]!) bucket++;
    page[at + BUCKETS + bucket]! += 1;
  }

  read(slot: number): RouteCounts {
    return countsOf(this.#page.subarray(slot * SLOT_SIZE, (slot + 1) * SLOT_SIZE));
  }
}

/** The numbers of one slot, named. */
export function countsOf(numbers: Float64Array): RouteCounts {
  return {
    requests: numbers[COUNT] ?? 0,
    byStatusClass: [...numbers.subarray(STATUS, SUM_MS)],
    sumMs: numbers[SUM_MS] ?? 0,
    bytesIn: numbers[BYTES_IN] ?? 0,
    bytesOut: numbers[BYTES_OUT] ?? 0,
    buckets: [...numbers.subarray(BUCKETS)],
  };
}
