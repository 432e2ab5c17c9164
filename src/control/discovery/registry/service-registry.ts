import type { Clock } from "../../../model/ports.ts";
import { type Instance, type Registration, RegistryRefusal, ttlOf } from "./instance.ts";

export interface RegistryLimits {
  readonly maxInstances: number;
  /** Each is an upstream and a route. */
  readonly maxServices: number;
}

export const REGISTRY_LIMITS: RegistryLimits = { maxInstances: 10_000, maxServices: 1_000 };

/** First segments of paths that are Sluice's own wherever the registry is served on a proxy listener. */
export const RESERVED_SERVICES: readonly string[] = ["api", "docs", "health", "metrics", "prometheus"];

/** `unchanged`: all of it was known; it counts as a heartbeat. */
export type Outcome = "registered" | "updated" | "unchanged";

export interface Planned {
  readonly instance: Instance;
  readonly outcome: Outcome;
}

/**
 * The instances that services registered. It only decides and remembers: it stores nothing, checks no addresses and owns no timer.
 *
 * An instance stays until it deregisters, unless it asked for a `ttl` or has sent a heartbeat: from then on it has to be heard of in
 * time. Who never heartbeats is judged by health checks alone.
 */
export class ServiceRegistry {
  readonly #clock: Clock;
  readonly #limits: RegistryLimits;
  readonly #reserved: ReadonlySet<string>;
  readonly #instances = new Map<string, Instance>();
  /** When each was heard of last, in monotonic ms. */
  readonly #heard = new Map<string, number>();
  /** How many instances each service has. */
  readonly #services = new Map<string, number>();

  constructor(clock: Clock, limits = REGISTRY_LIMITS, reserved = RESERVED_SERVICES) {
    this.#clock = clock;
    this.#limits = limits;
    this.#reserved = new Set(reserved.map((name) => name.toLowerCase()));
  }

  /** By the time they came. */
  list(): Instance[] {
    return [...this.#instances.values()];
  }

  get(id: string): Instance | undefined {
    return this.#instances.get(id);
  }

  /** @throws RegistryRefusal when it is not there */
  require(id: string): Instance {
    const known = this.#instances.get(id);
    if (known !== undefined) return known;
    throw new RegistryRefusal("instance_not_found", `no instance is called ${id}: it has expired or never registered`);
  }

  get size(): number {
    return this.#instances.size;
  }

  get serviceCount(): number {
    return this.#services.size;
  }

  /** What registering would come to: `put` does it. @throws RegistryRefusal */
  plan(registration: Registration): Planned {
    const { id, service } = registration;
    const known = this.#instances.get(id);
    if (known !== undefined) return this.#planAgain(known, registration);
    if (this.#reserved.has(service.toLowerCase()))
      throw new RegistryRefusal("reserved_service", `/${service}/* is Sluice's own: the service needs another name`);
    const { maxInstances, maxServices } = this.#limits;
    if (this.size >= maxInstances)
      throw new RegistryRefusal("registry_full", `${maxInstances} instances are registered, and no more may be`);
    if (!this.#services.has(service) && this.serviceCount >= maxServices)
      throw new RegistryRefusal("registry_full", `${maxServices} services are registered, and no more may be`);
    const now = this.#clock.wall();
    return { instance: { ...registration, beats: false, registeredAt: now, updatedAt: now }, outcome: "registered" };
  }

  /** Takes what was planned or stored; it counts as heard of now. A heartbeat that came since it was planned is not forgotten. */
  put(instance: Instance): void {
    const { id, service } = instance;
    const known = this.#instances.get(id);
    if (known === undefined) this.#services.set(service, (this.#services.get(service) ?? 0) + 1);
    this.#instances.set(id, known?.beats === true ? { ...instance, beats: true } : instance);
    this.#heard.set(id, this.#clock.now());
  }

  /** `plan` and `put`. @throws RegistryRefusal */
  register(registration: Registration): Planned {
    const planned = this.plan(registration);
    this.put(planned.instance);
    return planned;
  }

  /** It lives. @throws RegistryRefusal when nobody knows it: it has to register again */
  heartbeat(id: string): Instance {
    const known = this.require(id);
    if (!known.beats) this.#instances.set(id, { ...known, beats: true });
    this.#heard.set(id, this.#clock.now());
    return this.require(id);
  }

  /** @throws RegistryRefusal */
  deregister(id: string): Instance {
    const known = this.require(id);
    this.#instances.delete(id);
    this.#heard.delete(id);
    const left = this.#services.get(known.service)! - 1;
    if (left === 0) this.#services.delete(known.service);
    else this.#services.set(known.service, left);
    return known;
  }

  /** Ms until it is gone if nothing is heard of it; null: it stays. */
  timeLeft(instance: Instance): number | null {
    const ttl = ttlOf(instance);
    const heard = this.#heard.get(instance.id);
    return ttl === null || heard === undefined ? null : Math.max(0, heard + ttl - this.#clock.now());
  }

  /** Removes those of whom nothing was heard in time. @returns them */
  expire(): Instance[] {
    const expired = this.list().filter((instance) => this.timeLeft(instance) === 0);
    for (const { id } of expired) this.deregister(id);
    return expired;
  }

  /** Ms until `expire` has something to do, as things stand; null: never. */
  get nextExpiry(): number | null {
    let next: number | null = null;
    for (const instance of this.#instances.values()) {
      const left = this.timeLeft(instance);
      if (left !== null && (next === null || left < next)) next = left;
    }
    return next;
  }

  #planAgain(known: Instance, registration: Registration): Planned {
    const { id, service } = registration;
    if (known.service !== service) {
      const hint = "deregister it first, or choose another id";
      throw new RegistryRefusal("instance_conflict", `${id} is an instance of ${known.service} already: ${hint}`);
    }
    if (isSame(known, registration)) return { instance: known, outcome: "unchanged" };
    const { beats, registeredAt } = known;
    return { instance: { ...registration, beats, registeredAt, updatedAt: this.#clock.wall() }, outcome: "updated" };
  }
}

function isSame(known: Instance, { metadata, ...rest }: Registration): boolean {
  const keys = Object.keys(metadata);
  return (
    Object.entries(rest).every(([key, value]) => known[key as keyof Registration] === value) &&
    keys.length === Object.keys(known.metadata).length &&
    keys.every((key) => Object.hasOwn(known.metadata, key) && known.metadata[key] === metadata[key])
  );
}
