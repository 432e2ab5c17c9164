import type { Container } from "./container.ts";

export interface InspectionParts {
  /** null: it is not there any more. */
  readonly inspect: (id: string) => Promise<Container | null>;
  readonly onFound: (id: string, container: Container | null) => void;
  /** The engine did not say. */
  readonly onFailed: (id: string, error: unknown) => void;
  /** At once. */
  readonly width: number;
}

/**
 * Looks at containers, few at a time and each no more often than needed: what was asked for again while it was looked at is looked at
 * again, and the answer in between, which may be older than what asked, counts for nothing.
 */
export class Inspections {
  readonly #parts: InspectionParts;
  readonly #waiting = new Set<string>();
  /** Under way; true: out of date already. */
  readonly #running = new Map<string, boolean>();
  #idle: Array<() => void> = [];

  constructor(parts: InspectionParts) {
    this.#parts = parts;
  }

  ask(id: string): void {
    if (this.#running.has(id)) this.#running.set(id, true);
    else {
      this.#waiting.add(id);
      this.#next();
    }
  }

  /** Something has happened to it that an inspection under way may not know of. */
  touch(id: string): void {
    if (this.#running.has(id)) this.#running.set(id, true);
  }

  /** Until nothing is left to look at. */
  idle(): Promise<void> {
    if (this.#waiting.size + this.#running.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #next(): void {
    for (const id of this.#waiting) {
      if (this.#running.size >= this.#parts.width) return;
      this.#waiting.delete(id);
      this.#running.set(id, false);
      void this.#run(id);
    }
    if (this.#running.size > 0) return;
    const idle = this.#idle;
    this.#idle = [];
    for (const tell of idle) tell();
  }

  async #run(id: string): Promise<void> {
    try {
      const container = await this.#parts.inspect(id);
      if (this.#running.get(id) === true) this.#waiting.add(id);
      else this.#parts.onFound(id, container);
    } catch (error) {
      this.#parts.onFailed(id, error);
    }
    this.#running.delete(id);
    this.#next();
  }
}
