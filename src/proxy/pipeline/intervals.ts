const LONGEST_MS = 2 ** 31 - 1;

/** Runs `work` every `ms` until `signal` aborts; a run that takes longer than that is not overtaken by the next. */
export function every(ms: number, signal: AbortSignal, work: () => Promise<void>): void {
  // A timer beyond this fires at once.
  if (!(ms > 0) || ms > LONGEST_MS)
    throw new RangeError(`every(${ms}): between two runs are more than 0 and at most ${LONGEST_MS} ms`);
  let running = false;
  const timer = setInterval(() => {
    if (running) return;
    running = true;
    void work().finally(() => (running = false));
  }, ms);
  timer.unref();
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}
