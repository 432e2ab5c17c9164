/** Bucket `i` counts what took less than 2^i µs; the last one everything above. */
export const TIMING_BUCKETS = 24;

/** How long one hook of one plugin takes, and how often it fails: always on, so it must cost nothing to speak of. */
export class Timing {
  readonly plugin: string;
  readonly phase: string;
  readonly buckets = new Uint32Array(TIMING_BUCKETS);
  count = 0;
  sumMs = 0;
  failures = 0;

  constructor(plugin: string, phase: string) {
    this.plugin = plugin;
    this.phase = phase;
  }

  record(ms: number): void {
    this.count++;
    this.sumMs += ms;
    const bucket = 32 - Math.clz32((ms * 1000) | 0);
    this.buckets[bucket < TIMING_BUCKETS ? bucket : TIMING_BUCKETS - 1]!++;
  }
}

/** Timings by plugin and phase; they outlive generations. */
export class Timings {
  readonly #all = new Map<string, Timing>();

  of(plugin: string, phase: string): Timing {
    const key = `${plugin} ${phase}`;
    let timing = this.#all.get(key);
    if (timing === undefined) this.#all.set(key, (timing = new Timing(plugin, phase)));
    return timing;
  }

  get all(): Timing[] {
    return [...this.#all.values()];
  }
}
