import { Latest } from "../latest.ts";
import { laterByTimer, type Later } from "../later.ts";
import { type Instance, type Registration, RegistryRefusal } from "./instance.ts";
import type { Planned, ServiceRegistry } from "./service-registry.ts";

/** Where registrations last over a restart. */
export interface RegistryStore {
  /** All of them, and what could not be read. */
  load(): Promise<{ instances: readonly Instance[]; unreadable: readonly string[] }>;
  /** Kept when the promise is. `actor`: who asked. */
  save(instance: Instance, outcome: "registered" | "updated", actor: string): Promise<void>;
  remove(instance: Instance, why: "deregistered" | "expired", actor: string): Promise<void>;
}

export interface RunningRegistryParts {
  readonly registry: ServiceRegistry;
  readonly store: RegistryStore;
  /** Something was left undone that nobody waits for: what, and why. */
  readonly onFailure: (what: string, cause: unknown) => void;
  readonly later?: Later;
}

/** Deadlines move with every heartbeat: looking more often than this would be for nothing. */
const LEAST_PAUSE_MS = 250;

/**
 * The registry as it runs: what is acknowledged is stored first, one change after the other, and what is not heard of in time goes.
 * Heartbeats write nothing, but for the first one of an instance that had not said it would send any.
 */
export class RunningRegistry {
  readonly #parts: Required<RunningRegistryParts>;
  readonly #changes = new Latest<ServiceRegistry>();
  #lastChange: Promise<unknown> = Promise.resolve();
  #stopTimer: (() => void) | null = null;
  #isStopped = false;

  constructor(parts: RunningRegistryParts) {
    this.#parts = { later: laterByTimer, ...parts };
  }

  /** To look at. */
  get registry(): ServiceRegistry {
    return this.#parts.registry;
  }

  /** What is registered, and again whenever it changes. Says nothing before `start`. */
  changes(signal: AbortSignal): AsyncIterable<ServiceRegistry> {
    return this.#changes.read(signal);
  }

  /**
   * Loads what is stored. A deadline that passed while nobody could hear begins anew.
   * @returns stored registrations that could not be read. @throws when the store cannot be read
   */
  async start(): Promise<readonly string[]> {
    const { instances, unreadable } = await this.#parts.store.load();
    for (const instance of instances) this.registry.put(instance);
    this.#changed();
    return unreadable;
  }

  stop(): void {
    this.#isStopped = true;
    this.#stopTimer?.();
    this.#stopTimer = null;
  }

  /** @throws RegistryRefusal */
  register(registration: Registration, actor: string): Promise<Planned> {
    return this.#inTurn(async () => {
      const planned = this.registry.plan(registration);
      const { instance, outcome } = planned;
      if (outcome !== "unchanged") await stored(this.#parts.store.save(instance, outcome, actor));
      this.registry.put(instance);
      if (outcome !== "unchanged") this.#changed();
      return planned;
    });
  }

  /** @throws RegistryRefusal */
  async heartbeat(id: string, actor: string): Promise<Instance> {
    const before = this.registry.get(id);
    const instance = this.registry.heartbeat(id);
    if (before!.beats || instance.ttlMs !== null) return instance;
    this.#watchDeadlines();
    await this.#inTurn(async () => {
      // It may have been replaced or removed while others had their turn.
      const now = this.registry.get(id);
      if (now !== undefined) await stored(this.#parts.store.save(now, "updated", actor));
    });
    return instance;
  }

  /** @throws RegistryRefusal */
  deregister(id: string, actor: string): Promise<Instance> {
    return this.#inTurn(async () => {
      const instance = this.registry.require(id);
      await stored(this.#parts.store.remove(instance, "deregistered", actor));
      // It may have expired meanwhile.
      if (this.registry.get(id) !== undefined) this.registry.deregister(id);
      this.#changed();
      return instance;
    });
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#lastChange.then(change);
    this.#lastChange = turn.catch(() => undefined);
    return turn;
  }

  #changed(): void {
    this.#changes.set(this.registry);
    this.#watchDeadlines();
  }

  #watchDeadlines(): void {
    this.#stopTimer?.();
    this.#stopTimer = null;
    const next = this.registry.nextExpiry;
    if (next === null || this.#isStopped) return;
    this.#stopTimer = this.#parts.later(() => this.#expire(), Math.max(LEAST_PAUSE_MS, next));
  }

  #expire(): void {
    const expired = this.registry.expire();
    if (expired.length > 0) this.#changes.set(this.registry);
    this.#watchDeadlines();
    for (const instance of expired) {
      void this.#inTurn(async () => {
        // Back again already, and stored as it is now.
        if (this.registry.get(instance.id) === undefined)
          await this.#parts.store.remove(instance, "expired", "registry");
      }).catch((cause: unknown) => this.#parts.onFailure(`the expired instance ${instance.id} is still stored`, cause));
    }
  }
}

async function stored(saving: Promise<void>): Promise<void> {
  try {
    await saving;
  } catch (cause) {
    const refusal = new RegistryRefusal("registry_unavailable", "it could not be stored, so nothing has changed");
    refusal.cause = cause;
    throw refusal;
  }
}
