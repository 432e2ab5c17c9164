/** How long anything on loopback may take before a test calls it stuck. Generous: it is a bound, not an expectation. */
export const PATIENCE_MS = 10_000;

/** Polls until `probe` gives something truthy and returns it; fails with `what` when it never does. */
export async function eventually<T>(
  what: string,
  probe: () => T | Promise<T>,
  withinMs = PATIENCE_MS,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`never happened within ${withinMs} ms: ${what}`);
    await Bun.sleep(5);
  }
}

/** The promise, or a failure that says what was waited for: a hang becomes a message. */
export async function within<T>(what: string, promise: Promise<T>, withinMs = PATIENCE_MS): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`never happened within ${withinMs} ms: ${what}`)), withinMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A promise that a test opens by hand: what scripted peers wait for instead of sleeping. */
export class Gate {
  readonly opened: Promise<void>;
  open: () => void = () => undefined;

  constructor() {
    this.opened = new Promise((resolve) => (this.open = resolve));
  }
}
