import type { SnapshotSpec } from "../../model/snapshot-spec.ts";
import { BREAKER_SLOTS, GATES } from "../../proxy/shared-state.ts";
import { SharedSlots } from "./shared-slots.ts";

export type SlotKind = "route" | "endpoint";

/** What was counted under `slot` was its last holder's: it has another one from now on. */
export type SlotReused = (slot: number, was: SlotKind) => void;

/** So many freed slots rest, the longest freed the longest: a tunnel of a version long gone may still be counted under one. */
const RESTING = 64;

/**
 * Gives each route and each endpoint a small number that counters are kept under. A name keeps its number across versions, until
 * neither the version that is served nor the one before has it: requests of that one may still run.
 */
export class SlotTable {
  /** By kind and name. */
  readonly #slots = new Map<string, number>();
  /** Who has each slot, or had it last; 0 is for exchanges that matched no route. */
  readonly #kinds: SlotKind[] = ["route"];
  /** The longest freed first. */
  readonly #freed: number[] = [];
  readonly #reused: SlotReused;
  #before: ReadonlySet<number> = new Set();
  /** Of what lies in memory of a fixed size that workers share. */
  readonly breakers = new SharedSlots(BREAKER_SLOTS);
  readonly gates = new SharedSlots(GATES);

  constructor(reused: SlotReused = () => undefined) {
    this.#reused = reused;
  }

  slotOf(kind: SlotKind, name: string): number {
    const key = `${kind} ${name}`;
    const known = this.#slots.get(key);
    if (known !== undefined) return known;
    const slot = this.#freed.length > RESTING ? this.#reuse() : this.#kinds.length;
    this.#slots.set(key, slot);
    this.#kinds[slot] = kind;
    return slot;
  }

  /** All under which requests of routes were counted, the one for what matched none included. */
  get routeSlots(): number[] {
    return this.#kinds.flatMap((kind, slot) => (kind === "route" ? [slot] : []));
  }

  /** So many numbers were ever given. */
  get size(): number {
    return this.#kinds.length;
  }

  /** `spec` has taken the place of the version before. No other one is on its way: what only such a one asked for is freed, too. */
  served({ routes, upstreams }: SnapshotSpec): void {
    const now = new Set([...routes.map(({ slot }) => slot), ...upstreams.flatMap((each) => each.endpointSlots)]);
    for (const [key, slot] of this.#slots) {
      if (now.has(slot) || this.#before.has(slot)) continue;
      this.#slots.delete(key);
      this.#freed.push(slot);
    }
    this.#before = now;
  }

  #reuse(): number {
    const slot = this.#freed.shift()!;
    this.#reused(slot, this.#kinds[slot]!);
    return slot;
  }
}
