import type { Clock, Random } from "../../../model/ports.ts";
import { laterByTimer, type Later } from "../later.ts";
import type { DnsResolver } from "./dns-resolver.ts";
import type { DnsSpec } from "./dns-spec.ts";
import { type DnsState, NameWatch, type NameWatchParts } from "./name-watch.ts";

export interface DnsEndpointsParts {
  readonly resolver: DnsResolver;
  readonly clock: Clock;
  readonly random: Random;
  /** A mistake of ours, not of DNS. */
  readonly onFailure: (name: string, error: unknown) => void;
  readonly later?: Later;
  /** How long a name that DNS no longer knows keeps its endpoints. Default 30 s. */
  readonly graceMs?: number;
}

/** By `spec.key`. */
export type DnsStates = ReadonlyMap<string, DnsState>;

const GRACE_MS = 30_000;
/** Look-ups under way at once: a thousand names that begin together do not all ask together. */
const AT_ONCE = 8;

/**
 * Names under `endpoints: [{ dns: … }]` and what they lead to. A name is asked again when its TTL is over (1 s to 5 min), once for
 * everybody who watches it. While DNS is away its last good answer serves; who says that there is nothing is believed after a while.
 */
export class DnsEndpoints {
  readonly #names = new Map<string, NameWatch>();
  readonly #watchers = new Set<() => void>();
  readonly #parts: NameWatchParts;
  readonly #queue: Array<() => Promise<void>> = [];
  #running = 0;
  #isTelling = false;

  constructor({ later = laterByTimer, graceMs = GRACE_MS, ...parts }: DnsEndpointsParts) {
    this.#parts = { ...parts, later, graceMs, inTurn: (work) => this.#inTurn(work), onChange: () => this.#changed() };
  }

  /**
   * Calls `onChange` with what is known of these names: at once, and whenever any of it changes, until `signal` says so. To follow
   * another list, begin with that before this one ends: what is in both is not asked again.
   */
  watch(specs: readonly DnsSpec[], onChange: (states: DnsStates) => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    const watched = new Map(specs.map((spec) => [spec.key, spec]));
    for (const [key, spec] of watched) this.#acquire(key, spec);
    let told: readonly DnsState[] | null = null;
    const tell = () => {
      const states = new Map([...watched.keys()].map((key) => [key, this.#names.get(key)!.state]));
      const now = [...states.values()];
      // Others' names are none of its business.
      if (told !== null && now.every((state, i) => state === told![i])) return;
      told = now;
      onChange(states);
    };
    this.#watchers.add(tell);
    signal.addEventListener(
      "abort",
      () => {
        this.#watchers.delete(tell);
        for (const key of watched.keys()) this.#release(key);
      },
      { once: true },
    );
    tell();
  }

  #acquire(key: string, spec: DnsSpec): void {
    let name = this.#names.get(key);
    if (name === undefined) {
      name = new NameWatch(spec, this.#parts);
      this.#names.set(key, name);
      name.start();
    }
    name.watchers++;
  }

  #release(key: string): void {
    const name = this.#names.get(key)!;
    if (--name.watchers > 0) return;
    this.#names.delete(key);
    name.stop();
  }

  /** What changes in one go is told once. */
  #changed(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    queueMicrotask(() => {
      this.#isTelling = false;
      for (const tell of [...this.#watchers]) if (this.#watchers.has(tell)) tell();
    });
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    if (this.#running >= AT_ONCE) {
      this.#queue.push(work);
      return;
    }
    this.#running++;
    for (let next: (() => Promise<void>) | undefined = work; next !== undefined; next = this.#queue.shift())
      await next();
    this.#running--;
  }
}
