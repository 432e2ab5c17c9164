import type { Exchange } from "../model/exchange.ts";
import { methodIndex, packKind } from "./metrics/request-kind.ts";
import { At, countKind, LATENCY_BUCKETS_MS, SLOT_SIZE, SlotTotals } from "./metrics/slot-totals.ts";

export { LATENCY_BUCKETS_MS, SLOT_SIZE } from "./metrics/slot-totals.ts";

/** Reads totals by slot, whoever counted them. */
export interface CounterReader {
  readonly slots: number;
  read(slot: number): SlotTotals;
  /** The slot is somebody else's from now on, and begins at zero. Nobody counts there now. */
  forget(slot: number): void;
}

/**
 * What happened, by route and by endpoint: one page of numbers that only its worker writes and anyone may read. Slot 0 is for
 * exchanges that matched no route. Numbers only grow, so a reader needs no lock to make sense of them.
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

  /** An exchange has ended: once for each. */
  record(exchange: Exchange): void {
    const page = this.#page;
    const at = (exchange.route === null ? 0 : exchange.route.slot) * SLOT_SIZE;
    if (at + SLOT_SIZE > page.length) return;
    const { status, code } = exchange;
    page[at + At.count]! += 1;
    page[at + At.bytesIn]! += exchange.requestBytes;
    page[at + At.bytesOut]! += exchange.replyBytes;
    if (exchange.attempts > 1) page[at + At.retries]! += exchange.attempts - 1;
    if (exchange.rate !== null && code !== "rate_limited") page[at + At.rateAllowed]! += 1;
    countKind(page, at, packKind(methodIndex(exchange.received?.method), status, code), status);
    // A tunnel lasts as long as people talk: that is no latency.
    if (status !== 101) measure(page, at, exchange.endedAt - exchange.startedAt);
  }

  /** An attempt has its reply's head, or will have none: once for each. @param status 0 where `code` says why */
  recordAttempt(slot: number, status: number, code: string | null, ms: number): void {
    const page = this.#page;
    const at = slot * SLOT_SIZE;
    if (at + SLOT_SIZE > page.length) return;
    page[at + At.count]! += 1;
    countKind(page, at, packKind(0, status, code), status);
    if (status !== 0) measure(page, at, ms);
  }

  /** The attempt on this endpoint is not its exchange's first. */
  recordRetry(slot: number): void {
    const at = slot * SLOT_SIZE;
    if (at + SLOT_SIZE <= this.#page.length) this.#page[at + At.retries]! += 1;
  }

  /** Body bytes that went to an endpoint and came from it. */
  recordBytes(slot: number, sent: number, received: number): void {
    const at = slot * SLOT_SIZE;
    if (at + SLOT_SIZE > this.#page.length) return;
    this.#page[at + At.bytesIn]! += sent;
    this.#page[at + At.bytesOut]! += received;
  }

  read(slot: number): SlotTotals {
    return new SlotTotals().add(this.#page, slot);
  }

  forget(slot: number): void {
    forgetIn(this.#page, slot);
  }
}

/** Where the page is as long as that. */
export function forgetIn(page: Float64Array, slot: number): void {
  page.fill(0, slot * SLOT_SIZE, (slot + 1) * SLOT_SIZE);
}

function measure(page: Float64Array, at: number, ms: number): void {
  page[at + At.sumMs]! += ms;
  let bucket = 0;
  while (bucket < LATENCY_BUCKETS_MS.length && ms > LATENCY_BUCKETS_MS[bucket]!) bucket++;
  page[at + At.buckets + bucket]! += 1;
}
