/** The last so many of what was put in. */
export class Ring<T> {
  readonly #most: number;
  #items: T[] = [];

  constructor(most: number) {
    if (!(most >= 1)) throw new RangeError(`a ring of ${most} keeps nothing`);
    this.#most = most;
  }

  push(item: T): void {
    this.#items.push(item);
    // Cut rarely: moving everything down for each new one would cost as much as the ring is long.
    if (this.#items.length >= 2 * this.#most) this.#items = this.#items.slice(-this.#most);
  }

  /** Oldest first. */
  get all(): readonly T[] {
    return this.#items.slice(-this.#most);
  }

  get last(): T | undefined {
    return this.#items.at(-1);
  }
}
