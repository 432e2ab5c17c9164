/**
 * A value that changes, for readers who only care what it is now. Whoever sets it never waits; a reader that is slow misses what
 * was in between and always gets the latest.
 */
export class Latest<T> {
  /** null: it was never set. A new object each time it is, so that readers can tell. */
  #current: { readonly value: T } | null = null;
  readonly #waiting = new Set<() => void>();

  set(value: T): void {
    this.#current = { value };
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** What it is now, as soon as it is anything, and again whenever it was set; ends with `signal`. Any number may read. */
  async *read(signal: AbortSignal): AsyncGenerator<T, void, undefined> {
    let seen: { readonly value: T } | null = null;
    while (!signal.aborted) {
      const current = this.#current;
      if (current === null || current === seen) await this.#change(signal);
      else {
        seen = current;
        yield current.value;
      }
    }
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }
}
