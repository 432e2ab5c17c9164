import type { PartialConfig, Provider, ProviderState } from "./provider.ts";

export interface DiscoveryOptions {
  /** Something changed: what all providers know is in `known`. Called once for a burst of changes, and not before it has settled. */
  readonly onChange: () => void | Promise<void>;
  /** A provider broke its promise never to reject. */
  readonly onFailure: (provider: string, error: unknown) => void;
  /** Runs `then` after so many ms. @returns takes it back */
  readonly later?: (then: () => void, ms: number) => () => void;
  /** Monotonic ms. */
  readonly now?: () => number;
}

/**
 * Between two configurations of a burst; longer where the last one took long. One change is there at once, a start of 200 containers
 * is a few of them, and who changes without end leaves time to others.
 */
const PAUSE_MS = 5;
/** Of the time that the last one took. */
const PAUSE_SHARE = 0.5;
/** A provider that ended against its promise is asked again. */
const AGAIN_MS = 5_000;

interface Running {
  readonly provider: Provider;
  readonly abort: AbortController;
}

/** The providers that run, and the latest of what each has found. */
export class Discovery {
  readonly #options: Required<DiscoveryOptions>;
  readonly #running = new Map<string, Running>();
  readonly #known = new Map<string, PartialConfig>();
  #isTelling = false;
  /** Ends the pause after telling: then nothing more is told. */
  #takeBack: () => void = () => undefined;
  /** Something changed since `onChange` was called. */
  #isDirty = false;
  #told: () => void = () => undefined;

  constructor(options: DiscoveryOptions) {
    this.#options = { later: timer, now: () => performance.now(), ...options };
  }

  /** By provider's name. */
  get known(): ReadonlyMap<string, PartialConfig> {
    return this.#known;
  }

  /** Of each provider that runs. */
  get states(): Array<ProviderState & { name: string }> {
    return [...this.#running.values()].map(({ provider }) => ({ name: provider.name, ...provider.state }));
  }

  /** These run from now on: one that ran already goes on, what others had found is gone. */
  follow(providers: readonly Provider[]): void {
    const wanted = new Map(providers.map((provider) => [provider.name, provider]));
    for (const [name, { provider, abort }] of this.#running) {
      if (wanted.get(name) === provider) continue;
      abort.abort();
      this.#running.delete(name);
      if (this.#known.delete(name)) this.#changed();
    }
    for (const [name, provider] of wanted) {
      if (this.#running.has(name)) continue;
      const abort = new AbortController();
      this.#running.set(name, { provider, abort });
      void this.#run(provider, abort.signal);
    }
  }

  /** Resolves when every provider has said something, or when so much time has passed. */
  async settled(withinMs: number): Promise<void> {
    const isSilent = () => [...this.#running.keys()].some((name) => !this.#known.has(name));
    if (!isSilent()) return;
    const told = new Promise<void>((resolve) => {
      this.#told = () => {
        if (!isSilent()) resolve();
      };
    });
    await Promise.race([told, new Promise<void>((resolve) => void this.#options.later(resolve, withinMs))]);
    this.#told = () => undefined;
  }

  stop(): void {
    this.follow([]);
    this.#takeBack();
  }

  async #run(provider: Provider, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const config of provider.watch(signal)) {
          if (signal.aborted) return;
          this.#known.set(provider.name, config);
          this.#told();
          this.#changed();
        }
        if (signal.aborted) return;
        this.#options.onFailure(provider.name, new Error("it ended"));
      } catch (error) {
        if (signal.aborted) return;
        this.#options.onFailure(provider.name, error);
      }
      await new Promise<void>((resolve) => {
        const takeBack = this.#options.later(resolve, AGAIN_MS);
        signal.addEventListener("abort", () => (takeBack(), resolve()), { once: true });
      });
    }
  }

  #changed(): void {
    if (this.#isTelling) {
      this.#isDirty = true;
      return;
    }
    this.#isTelling = true;
    void this.#tell();
  }

  async #tell(): Promise<void> {
    const { onChange, onFailure, now, later } = this.#options;
    do {
      this.#isDirty = false;
      const began = now();
      try {
        await onChange();
      } catch (error) {
        onFailure("configuration", error);
      }
      const pauseMs = Math.max(PAUSE_MS, PAUSE_SHARE * (now() - began));
      await new Promise<void>((resolve) => (this.#takeBack = later(resolve, pauseMs)));
    } while (this.#isDirty);
    this.#isTelling = false;
  }
}

function timer(then: () => void, ms: number): () => void {
  const id = setTimeout(then, ms);
  return () => clearTimeout(id);
}
