import type { Cache, CacheOptions } from "../../contract/services.ts";
import type { Clock } from "../../model/ports.ts";

const MAX_ENTRIES = 10_000;

interface Entry {
  readonly value: unknown;
  readonly freshUntil: number;
  readonly staleUntil: number;
}

/** A bounded cache in which many who ask for the same key wait for one load. */
export class PluginCache implements Cache {
  readonly #clock: Clock;
  /** In the order of use. */
  readonly #entries = new Map<string, Entry>();
  readonly #loading = new Map<string, Promise<unknown>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async get<T>(key: string, load: () => T | Promise<T>, options: CacheOptions): Promise<T> {
    const entry = this.#entries.get(key);
    const now = this.#clock.now();
    if (entry !== undefined && now < entry.staleUntil) {
      this.#entries.delete(key);
      this.#entries.set(key, entry);
      // A renewal that fails leaves the old value until its time is over.
      if (now >= entry.freshUntil) this.#load(key, load, options).catch(ignore);
      return entry.value as T;
    }
    return this.#load(key, load, options) as Promise<T>;
  }

  delete(key: string): void {
    this.#entries.delete(key);
    // What is being loaded was asked for before.
    this.#loading.delete(key);
  }

  #load(key: string, load: () => unknown, options: CacheOptions): Promise<unknown> {
    const running = this.#loading.get(key);
    if (running !== undefined) return running;
    const loading = (async () => load())();
    this.#loading.set(key, loading);
    const settled = () => this.#loading.get(key) === loading && this.#loading.delete(key);
    loading.then((value) => {
      if (settled()) this.#keep(key, value, options);
    }, settled);
    return loading;
  }

  #keep(key: string, value: unknown, { ttlMs, staleMs = 0, negativeMs = 0 }: CacheOptions): void {
    const isNothing = value === null || value === undefined;
    const freshUntil = this.#clock.now() + (isNothing ? negativeMs : ttlMs);
    this.#entries.delete(key);
    if (isNothing && negativeMs === 0) return;
    this.#entries.set(key, { value, freshUntil, staleUntil: freshUntil + (isNothing ? 0 : staleMs) });
    if (this.#entries.size > MAX_ENTRIES) this.#entries.delete(this.#entries.keys().next().value!);
  }
}

function ignore(): void {}
