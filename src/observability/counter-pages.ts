import { type CounterReader, forgetIn, SLOT_SIZE } from "./counters.ts";
import { SlotTotals } from "./metrics/slot-totals.ts";
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
  /** By slot. */
  readonly #kept = new Map<number, SlotTotals>();
  #keptSlots = 0;

  get slots(): number {
    let most = this.#keptSlots;
    for (const pages of this.#pages.values()) for (const page of pages) most = Math.max(most, slotsOf(page));
    return most;
  }

  /** The path of a new page for the worker to go on in; null when the one it has is large enough. */
  give(worker: number, slots: number): string | null {
    const pages = this.#pages.get(worker) ?? [];
    const last = pages.at(-1);
    const has = last === undefined ? 0 : slotsOf(last);
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

  read(slot: number): SlotTotals {
    const sum = new SlotTotals();
    const kept = this.#kept.get(slot);
    if (kept !== undefined) sum.merge(kept);
    for (const pages of this.#pages.values()) for (const { numbers } of pages) sum.add(numbers, slot);
    return sum;
  }

  forget(slot: number): void {
    this.#kept.delete(slot);
    // Not this process's to write, but nobody counts there any more.
    for (const pages of this.#pages.values()) for (const { numbers } of pages) forgetIn(numbers, slot);
  }

  #keep(page: SharedPage): void {
    const slots = slotsOf(page);
    this.#keptSlots = Math.max(this.#keptSlots, slots);
    for (let slot = 0; slot < slots; slot++) {
      const totals = new SlotTotals().add(page.numbers, slot);
      if (!totals.isEmpty) this.#keptOf(slot).merge(totals);
    }
  }

  #keptOf(slot: number): SlotTotals {
    let kept = this.#kept.get(slot);
    if (kept === undefined) this.#kept.set(slot, (kept = new SlotTotals()));
    return kept;
  }
}

function slotsOf({ numbers }: SharedPage): number {
  return Math.floor(numbers.length / SLOT_SIZE);
}
