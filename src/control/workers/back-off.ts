const FIRST_MS = 100;
const MOST_MS = 10_000;
/** Whoever lived so long did not die of what killed those before it. */
const HEALTHY_MS = 3000;

/** How long to wait before the next worker: not at all at first, then twice as long each time one dies young. */
export class BackOff {
  #deaths = 0;

  /** @param livedMs of the worker that has just ended */
  next(livedMs: number): number {
    if (livedMs >= HEALTHY_MS) this.#deaths = 0;
    const deaths = this.#deaths++;
    return deaths === 0 ? 0 : Math.min(MOST_MS, FIRST_MS * 2 ** (deaths - 1));
  }
}
