import { type RequestKind, statusClass, unpackKind } from "./request-kind.ts";

/** Upper bounds of the latency histogram in ms; the last bucket is unbounded. */
export const LATENCY_BUCKETS_MS = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000] as const;

/** Where in a slot what stands. */
export const At = {
  count: 0,
  /** By status class: what found no cell. */
  unsorted: 1,
  sumMs: 7,
  bytesIn: 8,
  bytesOut: 9,
  buckets: 10,
  retries: 25,
  rateAllowed: 26,
  cells: 28,
} as const;

const CLASSES = 6;
/** What is simply added up. */
const FIXED = At.rateAllowed + 1;

/** Kinds of requests that a slot tells apart; a power of two. */
export const CELLS = 32;
/** A little space, so that looking for a kind that is not there ends soon. */
const MOST_CELLS = 28;
/** Of them for 4xx: which of those there are is the client's choice, and must not hide what upstreams do. */
const MOST_CLIENT_CELLS = 14;

/** Numbers a slot takes: whole cache lines. */
export const SLOT_SIZE = 96;

/** Counts one more of a kind in the slot at `at`. Open addressing; only the page's owner writes, so it takes no lock. */
export function countKind(page: Float64Array, at: number, key: number, status: number): void {
  const cells = at + At.cells;
  // The golden ratio spreads keys that differ in a few bits; the upper five are the place.
  let place = Math.imul(key, 0x9e37_79b1) >>> 27;
  for (let found = page[cells + 2 * place]!; found !== key; found = page[cells + 2 * place]!) {
    if (found !== 0) {
      place = (place + 1) & (CELLS - 1);
      continue;
    }
    if (!mayClaim(page, cells, status)) {
      page[at + At.unsorted + statusClass(status)]! += 1;
      return;
    }
    page[cells + 2 * place] = key;
    break;
  }
  page[cells + 2 * place + 1]! += 1;
}

function mayClaim(page: Float64Array, cells: number, status: number): boolean {
  let used = 0;
  let ofClients = 0;
  for (let i = 0; i < CELLS; i++) {
    const key = page[cells + 2 * i]!;
    if (key === 0) continue;
    used++;
    if (statusClass(unpackKind(key).status) === 3) ofClients++;
  }
  return used < MOST_CELLS && (statusClass(status) !== 3 || ofClients < MOST_CLIENT_CELLS);
}

/** What is known of a route, or of an endpoint: the sum of its slot over pages. */
export class SlotTotals {
  readonly fixed = new Float64Array(FIXED);
  /** Kinds, packed, and how many of each. */
  readonly keys: number[] = [];
  readonly counts: number[] = [];

  /** @param slot of `page`; nothing is added where the page is shorter */
  add(page: Float64Array, slot: number): this {
    const at = slot * SLOT_SIZE;
    // Most slots of most pages were never used.
    if (at + SLOT_SIZE > page.length || page[at] === 0) return this;
    for (let i = 0; i < FIXED; i++) this.fixed[i]! += page[at + i]!;
    for (let cell = at + At.cells, end = cell + 2 * CELLS; cell < end; cell += 2)
      if (page[cell] !== 0) this.#addKind(page[cell]!, page[cell + 1]!);
    return this;
  }

  merge(other: SlotTotals): this {
    for (let i = 0; i < FIXED; i++) this.fixed[i]! += other.fixed[i]!;
    other.keys.forEach((key, i) => this.#addKind(key, other.counts[i]!));
    return this;
  }

  get isEmpty(): boolean {
    return this.requests === 0;
  }

  get requests(): number {
    return this.fixed[At.count]!;
  }

  /** 1xx to 5xx, then what has no status. */
  get byStatusClass(): number[] {
    const classes = this.unsorted;
    this.keys.forEach((key, i) => (classes[statusClass(unpackKind(key).status)]! += this.counts[i]!));
    return classes;
  }

  get sumMs(): number {
    return this.fixed[At.sumMs]!;
  }

  get bytesIn(): number {
    return this.fixed[At.bytesIn]!;
  }

  get bytesOut(): number {
    return this.fixed[At.bytesOut]!;
  }

  get buckets(): number[] {
    return [...this.fixed.subarray(At.buckets, At.retries)];
  }

  get retries(): number {
    return this.fixed[At.retries]!;
  }

  /** Requests that a rate limit counted and let through. */
  get rateAllowed(): number {
    return this.fixed[At.rateAllowed]!;
  }

  /** By status class: kinds that were too many to be told apart. */
  get unsorted(): number[] {
    return [...this.fixed.subarray(At.unsorted, At.unsorted + CLASSES)];
  }

  /** Those that were told apart. */
  get kinds(): Array<RequestKind & { count: number }> {
    const kinds = this.keys.map((key, i) => ({ ...unpackKind(key), count: this.counts[i]! }));
    // A kind has its cell before it is counted there.
    return kinds.filter(({ count }) => count > 0);
  }

  #addKind(key: number, count: number): void {
    const known = this.keys.indexOf(key);
    if (known >= 0) this.counts[known]! += count;
    else {
      this.keys.push(key);
      this.counts.push(count);
    }
  }
}
