import type { AddressVet } from "../../src/control/discovery/registry/address-vet.ts";
import type { Instance, Registration } from "../../src/control/discovery/registry/instance.ts";
import { createRegistryApi, type InstanceHealth } from "../../src/control/discovery/registry/registry-api.ts";
import { StoredRegistrations } from "../../src/control/discovery/registry/registry-store.ts";
import { RunningRegistry } from "../../src/control/discovery/registry/running-registry.ts";
import { type RegistryLimits, ServiceRegistry } from "../../src/control/discovery/registry/service-registry.ts";
import type { Change, StoredObject } from "../../src/control/store/store.ts";
import { ManualClock } from "../kit/manual-clock.ts";

export function registration(over: Partial<Registration> = {}): Registration {
  const address = { scheme: "http", address: "10.0.0.1", port: 8080 } as const;
  return { id: "a-1", service: "a", ...address, weight: 1, metadata: {}, ttlMs: null, ...over };
}

export function instance(over: Partial<Instance> = {}): Instance {
  return { ...registration(), beats: false, registeredAt: 1, updatedAt: 1, ...over };
}

/** The part of a store that the registry uses, in memory. */
export class MemoryStore {
  readonly objects = new Map<string, StoredObject>();
  readonly changes: Change[] = [];
  /** What the next changes wait for. */
  gate: Promise<void> = Promise.resolve();

  async list(): Promise<StoredObject[]> {
    return [...this.objects.values()];
  }

  async apply(changes: readonly Change[]): Promise<StoredObject[]> {
    await this.gate;
    for (const change of changes) {
      this.changes.push(change);
      const { kind, id } = change;
      // As a real one does: JSON, not the object itself.
      const value: unknown = JSON.parse(JSON.stringify(change.value));
      if (value === null) this.objects.delete(id);
      else this.objects.set(id, { kind, id, value, revision: 1, updatedAt: 0 });
    }
    return [];
  }
}

export interface Called {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  // What tests look into is theirs to know.
  readonly json: Record<string, any>; // oxlint-disable-line typescript/no-explicit-any
}

interface Options {
  readonly vet?: AddressVet;
  readonly limits?: RegistryLimits;
  readonly store?: MemoryStore;
}

/** A registry from its API down to a store in memory, on a clock that stands still. */
export class TestRegistry {
  readonly clock = new ManualClock();
  readonly store: MemoryStore;
  readonly failures: string[] = [];
  readonly health = new Map<string, InstanceHealth>();
  readonly running: RunningRegistry;
  readonly #api: ReturnType<typeof createRegistryApi>;

  constructor({ vet = async () => null, limits, store = new MemoryStore() }: Options = {}) {
    this.store = store;
    this.running = new RunningRegistry({
      registry: new ServiceRegistry(this.clock, limits),
      store: new StoredRegistrations(store),
      onFailure: (what) => this.failures.push(what),
      later: this.clock.later,
    });
    const healthOf = ({ id }: Instance) => this.health.get(id) ?? { healthy: null };
    this.#api = createRegistryApi({ registry: this.running, vet, healthOf, clock: this.clock });
  }

  get ids(): string[] {
    return this.running.registry.list().map(({ id }) => id);
  }

  /** `call("POST /api/v1/services/register", {…})`; text and bytes go as they are. */
  async call(line: string, body?: unknown, headers: Record<string, string> = {}): Promise<Called> {
    const [method = "", target = ""] = line.split(" ");
    const [path = "", query] = target.split("?");
    const reply = await this.#api({
      method,
      path,
      query: new URLSearchParams(query),
      body: bytesOf(body),
      headers: new Headers(headers),
      actor: "tester",
    });
    return { status: reply.status, headers: reply.headers, json: JSON.parse(reply.body) as Called["json"] };
  }

  register(over: Record<string, unknown> = {}): Promise<Called> {
    const body = { id: "a-1", service: "a", address: "10.0.0.1", port: 8080, ...over };
    return this.call("POST /api/v1/services/register", body);
  }
}

function bytesOf(body: unknown): Uint8Array {
  if (body === undefined) return new Uint8Array();
  if (body instanceof Uint8Array) return body;
  return new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body));
}
