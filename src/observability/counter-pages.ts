import { type CounterReader, countsOf, type RouteCounts, SLOT_SIZE } from "./counters.ts";
import { createPage, type SharedPage } from "./page-file.ts";

const FIRST_SLOTS = 64;

/**
 * The counters of many workers, read as one. Each writes pages of its own in shared memory; the total is what their pages say
 * plus what is kept of pages that nobody writes any more. A worker's end, clean or not, moves its numbers from one to the other
 * and changes no total.
 */
export class CounterPages implements CounterReader {
  /** By worker, oldest first: it writes the last one. */
  readonly #pages = new Map<number, SharedPage[]>();
  #kept = new Float64Array(0);

  get slots(): number {
    let most = this.#kept.length;
    for (const pages of this.#pages.values()) for (const { numbers } of pages) most = Math.max(most, numbers.length);
    return Math.floor(most / SLOT_SIZE);
  }

  /** The path of a new page for the worker to go on in; null when the one it has is large enough. */
  give(worker: number, slots: number): string | null {
    const pages = this.#pages.get(worker) ?? [];
    const has = (pages.at(-1)?.numbers.length ?? 0) / SLOT_SIZE;
    if (has >= slots) return null;
    const page = createPage(Math.max(FIRST_SLOTS, slots, has * 2) * SLOT_SIZE);
    pages.push(page);
    this.#pages.set(worker, pages);
    return page.path;
  }

  /** The worker has mapped the page it was given and writes no other. */
  taken(worker: number): void {
    const pages = this.#pages.get(worker);
    if (pages === undefined) return;
    pages.at(-1)!.unlink();
    for (const page of pages.splice(0, pages.length - 1)) this.#keep(page);
  }

  /** The worker has ended, however it did. */
  gone(worker: number): void {
    const pages = this.#pages.get(worker) ?? [];
    this.#pages.delete(worker);
    for (const page of pages) {
      page.unlink();
      this.#keep(page);
    }
  }

  read(slot: number): RouteCounts {
    const sum = new Float64Array(SLOT_SIZE);
    const add = (numbers: Float64Array) => {
      const from = slot * SLOT_SIZE;
      for (let i = 0; i < SLOT_SIZE; i++) sum[i]! += numbers[from + i] ?? 0;
    };
    add(this.#kept);
    for (const pages of this.#pages.values()) for (const { numbers } of pages) add(numbers);
    return countsOf(sum);
  }

  #keep({ numbers }: SharedPage): void {
    if (numbers.length > this.#kept.length) {
      const larger = new Float64Array(numbers.length);
      larger.set(this.#kept);
      this.#kept = larger;
    }
    for (let i = 0; i < numbers.length; i++) this.#kept[i]! += numbers[i]!;
  }
}
