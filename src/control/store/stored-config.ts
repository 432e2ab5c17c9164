import { STORE } from "../config/build-context.ts";
import type { ConfigPart } from "../config/config-parts.ts";
import { RevisionConflict, type Change, type Store, type StoredObject } from "./store.ts";

/** Parts of the configuration, by kind. */
const SECTIONS = { upstream: "upstreams", route: "routes", key: "keys" } as const;
/** What of the store is configuration. */
export type ConfigKind = keyof typeof SECTIONS | "endpoint";
const KINDS: readonly ConfigKind[] = ["upstream", "route", "key", "endpoint"];

/**
 * The stored part of the configuration as it is served, in memory: writes are tried on traffic first and kept then, one at a time,
 * so that nothing is acknowledged that does not serve and nothing serves for long that is not kept.
 */
export class StoredConfig {
  readonly #objects: ReadonlyMap<string, StoredObject>;

  private constructor(objects: ReadonlyMap<string, StoredObject>) {
    this.#objects = objects;
  }

  static readonly empty = new StoredConfig(new Map());

  static async load(store: Store): Promise<StoredConfig> {
    const lists = await Promise.all(KINDS.map((kind) => store.list(kind)));
    return new StoredConfig(new Map(lists.flat().map((object) => [keyOf(object.kind, object.id), object])));
  }

  list(kind: ConfigKind): StoredObject[] {
    return [...this.#objects.values()].filter((object) => object.kind === kind);
  }

  get(kind: ConfigKind, id: string): StoredObject | null {
    return this.#objects.get(keyOf(kind, id)) ?? null;
  }

  /** As it would be. @throws RevisionConflict when a change was meant for another revision */
  with(changes: readonly Change[], now: number): StoredConfig {
    const objects = new Map(this.#objects);
    for (const { kind, id, value, ifRevision } of changes) {
      const key = keyOf(kind, id);
      const current = objects.get(key) ?? null;
      if (ifRevision !== null && ifRevision !== (current?.revision ?? 0)) throw new RevisionConflict(current);
      if (value === null) objects.delete(key);
      else objects.set(key, { kind, id, value, revision: (current?.revision ?? 0) + 1, updatedAt: now });
    }
    return new StoredConfig(objects);
  }

  /** With what the store says of what it has kept: revisions and times are its own. */
  kept(objects: readonly StoredObject[]): StoredConfig {
    const all = new Map(this.#objects);
    for (const object of objects)
      if (all.has(keyOf(object.kind, object.id))) all.set(keyOf(object.kind, object.id), object);
    return new StoredConfig(all);
  }

  /** In the order in which they were made. The id is the name. */
  get parts(): ConfigPart[] {
    return [...this.#objects.values()].flatMap(({ kind, id, value }) => {
      if (!isPart(kind)) return [];
      const own = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
      return [
        { section: SECTIONS[kind], value: { ...own, name: id }, from: `${STORE}: ${kind} ${id}`, provider: null },
      ];
    });
  }
}

function isPart(kind: string): kind is keyof typeof SECTIONS {
  return Object.hasOwn(SECTIONS, kind);
}

function keyOf(kind: string, id: string): string {
  return `${kind} ${id}`;
}
