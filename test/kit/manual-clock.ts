import type { Clock } from "../../src/model/ports.ts";

interface Alarm {
  readonly at: number;
  readonly ring: () => void;
}

/** A clock that stands still until a test moves it, and runs what is due then. */
export class ManualClock implements Clock {
  #now = 1_000_000;
  readonly #alarms = new Set<Alarm>();

  now(): number {
    return this.#now;
  }

  /** 2026-01-01, and on with the clock. */
  wall(): number {
    return 1_767_225_600_000 + this.#now;
  }

  readonly later = (then: () => void, ms: number): (() => void) => {
    const alarm = { at: this.#now + ms, ring: then };
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  };

  /** How long until the next alarm; null: there is none. */
  get nextIn(): number | null {
    const next = this.#next(Number.POSITIVE_INFINITY);
    return next === null ? null : next.at - this.#now;
  }

  get alarmCount(): number {
    return this.#alarms.size;
  }

  /** Resolves when what was due has run, and what it started without waiting for the world. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (let next = this.#next(until); next !== null; next = this.#next(until)) {
      this.#now = Math.max(this.#now, next.at);
      this.#alarms.delete(next);
      next.ring();
      await settled();
    }
    this.#now = until;
    await settled();
  }

  #next(until: number): Alarm | null {
    let first: Alarm | null = null;
    for (const alarm of this.#alarms) if (alarm.at <= until && (first === null || alarm.at < first.at)) first = alarm;
    return first;
  }
}

/** When every promise that waited for nothing but promises has settled. */
export async function settled(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}
