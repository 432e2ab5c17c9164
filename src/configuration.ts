import { resolve } from "node:path";
import type { Diagnostic } from "./control/config/diagnostics.ts";
import { readRegularFile } from "./control/config/file-access.ts";
import type { ConfigPart } from "./control/config/config-parts.ts";
import type { DnsStates } from "./control/discovery/dns/dns-endpoints.ts";
import { type ConfigAccepted, loadConfig, type LoadedConfig, type LoadOptions } from "./control/config/load-config.ts";
import { YamlMemory } from "./control/config/parse-yaml.ts";
import { SlotTable } from "./control/config/slot-table.ts";
import type { PartialConfig } from "./control/discovery/provider.ts";
import type { PluginCatalogue } from "./control/plugins/plugin-catalogue.ts";
import type { Proposal } from "./control/reconciler.ts";
import { applyOrders } from "./control/store/endpoint-orders.ts";
import { StoredConfig } from "./control/store/stored-config.ts";

export interface ConfigurationOptions extends LoadOptions {
  readonly file: string;
  readonly plugins: PluginCatalogue;
  readonly slots: SlotTable;
}

/** The configuration of this process from all that it comes from: the file, the store, and what providers have found. */
export class Configuration {
  stored = StoredConfig.empty;
  discovered: ReadonlyMap<string, PartialConfig> = new Map();
  /** What names under `dns:` lead to. */
  resolved: DnsStates = new Map();
  /** What Sluice adds itself. */
  own: readonly ConfigPart[] = [];
  /** Where our own admin listener is, where the configuration leaves its port open. */
  ours: ReadonlyArray<{ host: string; port: number }> = [];
  readonly #options: ConfigurationOptions;
  readonly #yaml = new YamlMemory();
  #loaded: LoadedConfig | null = null;
  #accepted: ConfigAccepted | null = null;
  #unproposed: LoadedConfig | null = null;

  constructor(options: ConfigurationOptions) {
    this.#options = options;
  }

  /** What was read last, good or not; null before that. */
  get loaded(): LoadedConfig | null {
    return this.#loaded;
  }

  /** What was read last and was good, whether or not it could be served. */
  get accepted(): ConfigAccepted | null {
    return this.#accepted;
  }

  /** The file by itself: it says where the rest is. What it says is the next proposal, as long as there is no rest. */
  async read(): Promise<LoadedConfig> {
    const loaded = await this.#load(this.stored);
    this.#take(loaded);
    this.#unproposed = loaded;
    return loaded;
  }

  async propose(): Promise<Proposal<readonly Diagnostic[]>> {
    const isAll = this.stored === StoredConfig.empty && this.#added === 0;
    const loaded = isAll && this.#unproposed !== null ? this.#unproposed : await this.#load(this.stored);
    this.#unproposed = null;
    this.#take(loaded);
    if (!loaded.ok) return { ok: false, error: loaded.errors };
    return { ok: true, spec: applyOrders(loaded.spec, this.stored.list("endpoint")) };
  }

  #take(loaded: LoadedConfig): void {
    this.#loaded = loaded;
    if (loaded.ok) this.#accepted = loaded;
  }

  /** What would be said of `stored` in the place of what is stored; nothing changes. */
  async consider(stored: StoredConfig): Promise<LoadedConfig> {
    // Slots that a candidate asks for are not given away: it may never come to be.
    return loadConfig(this.#options.file, { ...this.#inputs(stored), slots: new SlotTable() });
  }

  /** What would be said of `text` in the place of the file. */
  async check(text: string): Promise<LoadedConfig> {
    const { file } = this.#options;
    const readFile = (path: string) => (path === resolve(file) ? Buffer.from(text) : readRegularFile(path));
    return loadConfig(file, { ...this.#inputs(this.stored), slots: new SlotTable(), readFile });
  }

  /** How much there is beside the file and the store. */
  get #added(): number {
    return this.discovered.size + this.resolved.size + this.own.length;
  }

  #load(stored: StoredConfig): Promise<LoadedConfig> {
    return loadConfig(this.#options.file, this.#inputs(stored));
  }

  #inputs(stored: StoredConfig): LoadOptions {
    const { discovered, resolved, own, ours } = this;
    return { ...this.#options, yaml: this.#yaml, stored: [...own, ...stored.parts], discovered, resolved, ours };
  }
}
