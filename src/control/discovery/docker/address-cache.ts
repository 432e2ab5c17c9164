import type { DiscoveredEndpoint, DiscoveredService, PartialConfig } from "../provider.ts";
import { fieldsOf, listOf, textOf, textsOf } from "./engine-json.ts";

/** Where what was found is kept for a start without an engine. Both may reject. */
export interface AddressCache {
  /** null: nothing is kept. */
  load(): Promise<PartialConfig | null>;
  save(config: PartialConfig): Promise<void>;
}

/** A place for one text, such as a key of Redis. */
export interface TextPlace {
  read(): Promise<string | null>;
  write(text: string): Promise<void>;
}

export function cacheIn(place: TextPlace): AddressCache {
  return {
    load: async () => parseConfig((await place.read()) ?? ""),
    save: (config) => place.write(serializeConfig(config)),
  };
}

const FORMAT = "sluice-discovered/1";

/** @returns text for a cache that keeps text */
export function serializeConfig({ services }: PartialConfig): string {
  return JSON.stringify({ format: FORMAT, services });
}

/**
 * What `serializeConfig` has written; who else may write there is not known, so it is looked at field by field. What was about to
 * stop then is gone by now.
 * @returns null for anything else
 */
export function parseConfig(text: string): PartialConfig | null {
  const all = fieldsOf(parsed(text));
  if (all.format !== FORMAT || !Array.isArray(all.services)) return null;
  const services = all.services.map(readService);
  return services.every((service) => service !== null) ? { services, rejected: [] } : null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function readService(raw: unknown): DiscoveredService | null {
  const { name, endpoints, upstream, routes, origin } = fieldsOf(raw);
  if (textOf(name) === "" || !Array.isArray(endpoints) || !Array.isArray(routes)) return null;
  const read = endpoints.map(readEndpoint);
  if (!read.every((endpoint) => endpoint !== null)) return null;
  return {
    name: textOf(name),
    endpoints: read.filter(({ draining }) => draining !== true),
    upstream: fieldsOf(upstream),
    routes: listOf(routes).map(fieldsOf),
    origin: textOf(origin),
  };
}

function readEndpoint(raw: unknown): DiscoveredEndpoint | null {
  const { id, scheme, host, port, weight, labels, origin, draining } = fieldsOf(raw);
  if (textOf(id) === "" || textOf(host) === "" || (scheme !== "http" && scheme !== "https")) return null;
  if (!isWhole(port, 1, 65_535) || !isWhole(weight, 0, 1_000_000)) return null;
  return {
    id: textOf(id),
    scheme,
    host: textOf(host),
    port,
    weight,
    labels: textsOf(labels),
    origin: textOf(origin),
    ...(draining === true ? { draining } : {}),
  };
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}

/** Saves the latest, one at a time: a cache that is slow, or away, keeps nobody waiting. */
export class CacheWriter {
  readonly #cache: AddressCache;
  readonly #onTrouble: (message: string) => void;
  #next: PartialConfig | null = null;
  #isWriting = false;
  #isTroubled = false;

  /** @param onTrouble hears once of a cache that begins to fail */
  constructor(cache: AddressCache, onTrouble: (message: string) => void) {
    this.#cache = cache;
    this.#onTrouble = onTrouble;
  }

  save(config: PartialConfig): void {
    this.#next = config;
    if (!this.#isWriting) void this.#write();
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    while (this.#next !== null) {
      const config = this.#next;
      this.#next = null;
      try {
        await this.#cache.save(config);
        this.#isTroubled = false;
      } catch (error) {
        if (!this.#isTroubled) this.#onTrouble(`addresses found by Docker are not kept: ${String(error)}`);
        this.#isTroubled = true;
      }
    }
    this.#isWriting = false;
  }
}
