/** So many failures with no success in between. */
const FAILURES_TO_OPEN = 5;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Stops calling what only fails. After a pause one call may try; it succeeds, and all is well, or the pause doubles. Consecutive
 * failures only: a request that makes a plugin throw must not take it away from the others.
 */
export class PluginBreaker {
  /** Asked before each call; the rest only when something failed. */
  isOpen = false;
  failures = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #tryAt = 0;

  /** While open: may this call try? */
  mayTry(now: number): boolean {
    if (now < this.#tryAt) return false;
    // The others wait for its outcome.
    this.#tryAt = now + this.#pauseMs;
    return true;
  }

  /** @returns true when this closed it */
  succeeded(): boolean {
    this.failures = 0;
    if (!this.isOpen) return false;
    this.isOpen = false;
    this.#pauseMs = FIRST_PAUSE_MS;
    return true;
  }

  /** @returns the length of the pause in ms when this opened it or kept it open, else 0 */
  failed(now: number): number {
    this.failures++;
    if (this.isOpen) this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    else if (this.failures < FAILURES_TO_OPEN) return 0;
    this.isOpen = true;
    this.#tryAt = now + this.#pauseMs;
    return this.#pauseMs;
  }
}
