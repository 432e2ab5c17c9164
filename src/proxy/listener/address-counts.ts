/** How many connections each client address holds; an address that holds none is forgotten. */
export class AddressCounts {
  readonly #counts = new Map<string, number>();

  /** @returns how many the address holds now, this one included. */
  enter(address: string): number {
    const held = (this.#counts.get(address) ?? 0) + 1;
    this.#counts.set(address, held);
    return held;
  }

  leave(address: string): void {
    const held = (this.#counts.get(address) ?? 0) - 1;
    if (held > 0) this.#counts.set(address, held);
    else this.#counts.delete(address);
  }
}
