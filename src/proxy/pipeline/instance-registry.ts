import type { ProxyEvent } from "../../model/ports.ts";
import type { PluginInstanceSpec } from "../../model/snapshot-spec.ts";
import { Instance } from "./instance.ts";
import type { SetupServices } from "./setup-services.ts";

interface Held {
  readonly instance: Instance;
  readonly ready: Promise<void>;
  users: number;
}

/** Instances by key, shared by the snapshots that use them; what nobody uses any more is closed. */
export class InstanceRegistry {
  readonly #held = new Map<string, Held>();
  readonly #closing = new Set<Promise<void>>();
  readonly #event: (event: ProxyEvent) => void;

  constructor(event: (event: ProxyEvent) => void) {
    this.#event = event;
  }

  /** All of them set up, each `release`d once later. Rejects with SetupError; then none is held. */
  async acquire(specs: readonly PluginInstanceSpec[], services: SetupServices): Promise<Instance[]> {
    const held = specs.map((spec) => this.#hold(spec, services));
    const results = await Promise.allSettled(held.map(({ ready }) => ready));
    const failed = results.find((result) => result.status === "rejected");
    if (failed === undefined) return held.map(({ instance }) => instance);
    for (const { instance } of held) this.release(instance);
    throw failed.reason;
  }

  release(instance: Instance): void {
    const { key, name } = instance.spec;
    const held = this.#held.get(key);
    if (held === undefined || held.instance !== instance || --held.users > 0) return;
    this.#held.delete(key);
    const closing = this.#close(instance, held.ready).finally(() => {
      this.#closing.delete(closing);
      this.#event({ type: "plugin.closed", plugin: name, generation: key });
    });
    this.#closing.add(closing);
  }

  /** Resolves when no `waitUntil` of any generation is pending. */
  async idle(): Promise<void> {
    await Promise.all([...this.#held.values()].map(({ instance }) => instance.idle()));
    await Promise.all(this.#closing);
  }

  /** How many generations live in this worker. */
  get size(): number {
    return this.#held.size + this.#closing.size;
  }

  get instances(): Instance[] {
    return [...this.#held.values()].map(({ instance }) => instance);
  }

  stop(): void {
    for (const { instance } of this.#held.values()) {
      instance.close();
      this.#event({ type: "plugin.closed", plugin: instance.spec.name, generation: instance.spec.key });
    }
    this.#held.clear();
  }

  async #close(instance: Instance, ready: Promise<void>): Promise<void> {
    await ready.catch(() => undefined);
    await instance.idle();
    instance.close();
  }

  #hold(spec: PluginInstanceSpec, services: SetupServices): Held {
    let held = this.#held.get(spec.key);
    if (held === undefined) {
      const instance = new Instance(spec, services);
      held = { instance, ready: this.#start(instance), users: 0 };
      held.ready.catch(() => undefined);
      this.#held.set(spec.key, held);
    }
    held.users++;
    return held;
  }

  async #start(instance: Instance): Promise<void> {
    const began = performance.now();
    await instance.start();
    const { name: plugin, key: generation } = instance.spec;
    this.#event({ type: "plugin.setup", plugin, generation, ms: Math.round(performance.now() - began) });
  }
}
