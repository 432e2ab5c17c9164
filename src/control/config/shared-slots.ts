/**
 * Gives names numbers below a fixed capacity, for what lies in memory of a fixed size. A name keeps its number across versions,
 * also when a version in between does without it: a number is given to another name only when no fresh one is left, the one
 * that was not asked for the longest. By then whoever had it has ended, and a breaker left open there has long wanted to probe.
 */
export class SharedSlots {
  readonly capacity: number;
  /** The longest unused first. */
  readonly #slots = new Map<string, number>();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** @param names all that one version needs, at most `capacity` different ones. */
  give(names: readonly string[]): ReadonlyMap<string, number> {
    const wanted = new Set(names);
    if (wanted.size > this.capacity) throw new RangeError(`${wanted.size} names for ${this.capacity} slots`);
    const given = new Map<string, number>();
    for (const name of wanted) {
      const known = this.#slots.get(name);
      if (known === undefined) continue;
      given.set(name, known);
      this.#slots.delete(name);
    }
    for (const name of wanted) if (!given.has(name)) given.set(name, this.#next(given.size));
    for (const [name, slot] of given) this.#slots.set(name, slot);
    return given;
  }

  /** Neither kept nor given yet, or else the one of the name that nobody asked for the longest. */
  #next(given: number): number {
    const fresh = this.#slots.size + given;
    if (fresh < this.capacity) return fresh;
    const [oldest] = this.#slots;
    const [name, slot] = oldest!;
    this.#slots.delete(name);
    return slot;
  }
}
