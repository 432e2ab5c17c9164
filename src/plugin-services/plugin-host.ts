import "../contract/running-contract.ts";
import { type Plugin, isPlugin } from "../contract/define-plugin.ts";
import type { Logger } from "../observability/logger.ts";
import type { HookWatch, PluginHost } from "../proxy/pipeline/plugin-host.ts";
import { every } from "../proxy/pipeline/intervals.ts";
import { kvOf, type KvStore } from "./kv-store.ts";
import { MemoryKv } from "./memory-kv.ts";
import { pluginLog } from "./plugin-log.ts";
import { RedisKv } from "./redis-kv.ts";

export interface PluginHostOptions {
  readonly log: Logger;
  /** The module of a plugin that ships with Sluice. Rejects when there is none of that name. */
  readonly shipped: (name: string) => Promise<unknown>;
  readonly watch: HookWatch;
  /** Where `kv` is kept without Redis; default: the memory of this process. */
  readonly memory?: KvStore;
}

export interface LocalPluginHost extends PluginHost {
  /** Distinct modules imported so far: the runtime never lets go of one. */
  readonly modulesLoaded: number;
  /** Closes connections to Redis. */
  close(): void;
}

const SHIPPED = "shipped:";

/** What plugins get of this process. */
export function createPluginHost(options: PluginHostOptions): LocalPluginHost {
  return new ProcessPluginHost(options);
}

class ProcessPluginHost implements LocalPluginHost {
  readonly watch: HookWatch;
  readonly fetch = fetch;
  readonly every = every;
  readonly #options: PluginHostOptions;
  readonly #memory: KvStore;
  readonly #redis = new Map<string, RedisKv>();
  readonly #loaded = new Set<string>();

  constructor(options: PluginHostOptions) {
    this.#options = options;
    this.watch = options.watch;
    this.#memory = options.memory ?? new MemoryKv();
  }

  get modulesLoaded(): number {
    return this.#loaded.size;
  }

  async load(module: string): Promise<Plugin> {
    const exported = module.startsWith(SHIPPED)
      ? await this.#options.shipped(module.slice(SHIPPED.length))
      : await this.#import(module);
    const plugin = (exported as { default?: unknown } | null)?.default;
    if (isPlugin(plugin)) return plugin;
    const has = plugin === undefined ? "there is no default export" : "the default export is something else";
    throw new Error(`${module} is no plugin: ${has}; write: export default definePlugin({ … })`);
  }

  kv(name: string, redisUrl: string | null) {
    return kvOf(redisUrl === null ? this.#memory : this.#redisAt(redisUrl), name);
  }

  log(fields: Readonly<Record<string, unknown>>) {
    return pluginLog(this.#options.log, fields);
  }

  close(): void {
    for (const redis of this.#redis.values()) redis.close();
    this.#redis.clear();
  }

  #import(path: string): Promise<unknown> {
    if (!path.startsWith("/")) throw new Error(`${path} is no absolute path`);
    // Also one that fails stays in the runtime's registry.
    this.#loaded.add(path);
    return import(path);
  }

  #redisAt(url: string): RedisKv {
    let redis = this.#redis.get(url);
    if (redis === undefined) this.#redis.set(url, (redis = new RedisKv(url, this.#options.log)));
    return redis;
  }
}
