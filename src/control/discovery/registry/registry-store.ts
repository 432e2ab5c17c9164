import type { Change, Store } from "../../store/store.ts";
import type { Instance } from "./instance.ts";
import { readRegistration } from "./registration.ts";
import type { RegistryStore } from "./running-registry.ts";

const ACTIONS = {
  registered: "service.register",
  updated: "service.update",
  deregistered: "service.deregister",
  expired: "service.expire",
} as const;

/** Registrations as objects of kind `service`, each change with its line in the audit log. */
export class StoredRegistrations implements RegistryStore {
  readonly #store: Pick<Store, "list" | "apply">;

  constructor(store: Pick<Store, "list" | "apply">) {
    this.#store = store;
  }

  async load(): Promise<{ instances: readonly Instance[]; unreadable: readonly string[] }> {
    const instances: Instance[] = [];
    const unreadable: string[] = [];
    for (const { id, value } of await this.#store.list("service")) {
      try {
        instances.push(instanceOf(value));
      } catch (error) {
        unreadable.push(`${id}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    return { instances, unreadable };
  }

  async save(instance: Instance, outcome: "registered" | "updated", actor: string): Promise<void> {
    await this.#store.apply([change(instance, storedForm(instance), { action: ACTIONS[outcome], actor })]);
  }

  async remove(instance: Instance, why: "deregistered" | "expired", actor: string): Promise<void> {
    await this.#store.apply([change(instance, null, { action: ACTIONS[why], actor })]);
  }
}

function change(instance: Instance, value: unknown, audit: { action: string; actor: string }): Change {
  const { id, service, address, port } = instance;
  const detail = { service, address, port };
  return { kind: "service", id, value, ifRevision: null, audit: { ...audit, target: id, detail } };
}

/** As it was registered, so that one reader does for both. */
function storedForm(instance: Instance): Readonly<Record<string, unknown>> {
  const { id, service, address, port, metadata, ttlMs, beats, registeredAt, updatedAt } = instance;
  return { id, service, address, port, metadata, ttl: ttlMs, beats, registeredAt, updatedAt };
}

function instanceOf(value: unknown): Instance {
  const { registration } = readRegistration(value);
  const { beats, registeredAt, updatedAt } = value as Partial<Record<keyof Instance, unknown>>;
  return {
    ...registration,
    beats: beats === true,
    registeredAt: timeOf(registeredAt),
    updatedAt: timeOf(updatedAt),
  };
}

function timeOf(value: unknown): number {
  return typeof value === "number" && Number.isFinite(new Date(value).getTime()) ? value : 0;
}
