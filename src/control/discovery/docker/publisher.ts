import type { Clock } from "../../../model/ports.ts";
import type { Later } from "../later.ts";

/** After quiet: one container that starts is there at once. What belongs to one start comes together all the same. */
const FIRST_MS = 10;
/** While much happens: none of it waits longer. */
const GAP_MS = 200;
/** What takes no more traffic is not kept waiting. */
const URGENT_GAP_MS = 50;

/** Turns many changes into few calls of `publish`. */
export class Publisher {
  readonly #publish: () => void;
  readonly #clock: Clock;
  readonly #later: Later;
  #lastAt = Number.NEGATIVE_INFINITY;
  #due: { at: number; takeBack: () => void } | null = null;

  constructor(publish: () => void, clock: Clock, later: Later) {
    this.#publish = publish;
    this.#clock = clock;
    this.#later = later;
  }

  /** @param kind `less`: something takes no more traffic */
  changed(kind: "more" | "less"): void {
    const now = this.#clock.now();
    const gap = kind === "less" ? URGENT_GAP_MS : GAP_MS;
    const at = Math.max(now + FIRST_MS, this.#lastAt + gap);
    if (this.#due !== null && this.#due.at <= at) return;
    this.#due?.takeBack();
    this.#due = { at, takeBack: this.#later(() => this.now(), at - now) };
  }

  now(): void {
    this.stop();
    this.#lastAt = this.#clock.now();
    this.#publish();
  }

  stop(): void {
    this.#due?.takeBack();
    this.#due = null;
  }
}
