import type { KvOperation, KvOutcome } from "../control/workers/messages.ts";
import { type KvStore, notWhole } from "./kv-store.ts";

export interface MemoryKvOptions {
  /** Milliseconds that never go back. */
  readonly now?: () => number;
  /** Of one plugin: one that fills its part takes nothing from the others. */
  readonly maxEntries?: number;
  readonly maxBytes?: number;
}

const MAX_ENTRIES = 100_000;
const MAX_BYTES = 32 * 1024 * 1024;

/**
 * What plugins keep, in the memory of this process. A store and no cache: nothing that lives is dropped, so a plugin whose part is
 * full is refused until something expires or is deleted.
 */
export class MemoryKv implements KvStore {
  readonly #parts = new Map<string, Part>();
  readonly #limits: Required<MemoryKvOptions>;

  constructor(options: MemoryKvOptions = {}) {
    const { now = () => performance.now(), maxEntries = MAX_ENTRIES, maxBytes = MAX_BYTES } = options;
    this.#limits = { now, maxEntries, maxBytes };
  }

  async run(operation: KvOperation): Promise<KvOutcome> {
    const { plugin, key } = operation;
    let part = this.#parts.get(plugin);
    if (part === undefined) this.#parts.set(plugin, (part = new Part(plugin, this.#limits)));
    switch (operation.verb) {
      case "get":
        return part.get(key)?.value ?? null;
      case "set":
        return part.set(key, operation.value, operation.ttlMs);
      case "delete":
        return part.get(key) !== undefined && part.remove(key);
      case "incr":
        return part.incr(key, operation.by, operation.ttlMs);
    }
  }
}

interface Entry {
  readonly value: string;
  /** On the clock; infinite: never. */
  readonly expiresAt: number;
}

/** Roughly what a map entry, its object and its strings take beside their characters. */
const ENTRY_BYTES = 120;
/** How many others a write looks at, so that what has expired leaves even when nobody asks for it. */
const LOOKS = 4;
/** Between two looks at everything. */
const SWEEP_MS = 1000;

/** One plugin's keys. */
class Part {
  readonly #plugin: string;
  readonly #limits: Required<MemoryKvOptions>;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  #looking = this.#entries.entries();
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(plugin: string, limits: Required<MemoryKvOptions>) {
    this.#plugin = plugin;
    this.#limits = limits;
  }

  get(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.expiresAt > this.#limits.now()) return entry;
    this.remove(key);
    return undefined;
  }

  set(key: string, value: string, ttlMs: number | null): null {
    this.#put(key, value, this.#limits.now() + (ttlMs ?? Number.POSITIVE_INFINITY));
    return null;
  }

  remove(key: string): true {
    this.#bytes -= bytesOf(key, this.#entries.get(key));
    this.#entries.delete(key);
    return true;
  }

  incr(key: string, by: number, ttlMs: number | null): number {
    const entry = this.get(key);
    const number = Number(entry?.value ?? 0) + by;
    if (!/^-?\d+$/.test(entry?.value ?? "0") || !Number.isSafeInteger(number)) throw notWhole(this.#plugin, key);
    // JSON has no -0.
    this.#put(key, String(number), entry?.expiresAt ?? this.#limits.now() + (ttlMs ?? Number.POSITIVE_INFINITY));
    return number;
  }

  #put(key: string, value: string, expiresAt: number): void {
    const entry = { value, expiresAt };
    this.#look();
    const before = this.#entries.get(key);
    const grows = bytesOf(key, entry) - bytesOf(key, before);
    if (!this.#fits(before, grows)) this.#sweep();
    if (!this.#fits(this.#entries.get(key), grows)) throw this.#full();
    this.#bytes += grows;
    this.#entries.set(key, entry);
  }

  #fits(before: Entry | undefined, grows: number): boolean {
    const { maxEntries, maxBytes } = this.#limits;
    if (grows > 0 && this.#bytes + grows > maxBytes) return false;
    return before !== undefined || this.#entries.size < maxEntries;
  }

  /** A few at a time, round and round. */
  #look(): void {
    for (let i = 0; i < LOOKS; i++) {
      const next = this.#looking.next();
      if (next.done) {
        this.#looking = this.#entries.entries();
        return;
      }
      this.#removeIfOver(next.value);
    }
  }

  /** Everything; a full part that is written all the time must not cost that every time. */
  #sweep(): void {
    const now = this.#limits.now();
    if (now - this.#sweptAt < SWEEP_MS) return;
    this.#sweptAt = now;
    for (const entry of this.#entries) this.#removeIfOver(entry);
  }

  #removeIfOver([key, { expiresAt }]: [string, Entry]): void {
    if (expiresAt <= this.#limits.now()) this.remove(key);
  }

  #full(): Error {
    const { maxEntries, maxBytes } = this.#limits;
    const why = this.#entries.size >= maxEntries ? `${maxEntries} keys` : `${Math.floor(maxBytes / 1024)} KiB`;
    return new Error(
      `kv: plugin ${this.#plugin} keeps ${why} in memory, the most there is: give keys a ttlMs, delete some, or configure redis`,
    );
  }
}

function bytesOf(key: string, entry: Entry | undefined): number {
  return entry === undefined ? 0 : ENTRY_BYTES + 2 * (key.length + entry.value.length);
}
