import { BREAKER_SLOTS, GATES } from "../../proxy/shared-state.ts";
import { SharedSlots } from "./shared-slots.ts";

/**
 * Gives each route id a small number that counters are kept under. An id keeps its number across versions; a number is given to
 * another id only after `free`, because until the last request of the old route has ended its counters still move.
 */
export class SlotTable {
  readonly #slots = new Map<string, number>();
  readonly #freed: number[] = [];
  /** 0 is for exchanges that matched no route. */
  #next = 1;
  /** Of what lies in memory of a fixed size that workers share. */
  readonly breakers = new SharedSlots(BREAKER_SLOTS);
  readonly gates = new SharedSlots(GATES);

  slotOf(id: string): number {
    const known = this.#slots.get(id);
    if (known !== undefined) return known;
    const slot = this.#freed.pop() ?? this.#next++;
    this.#slots.set(id, slot);
    return slot;
  }

  /** The ids that hold a slot. */
  get ids(): string[] {
    return [...this.#slots.keys()];
  }

  free(id: string): void {
    const slot = this.#slots.get(id);
    if (slot === undefined) return;
    this.#slots.delete(id);
    this.#freed.push(slot);
  }
}
