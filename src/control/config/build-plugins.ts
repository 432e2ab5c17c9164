import { relative } from "node:path";
import { didYouMean } from "../../contract/edit-distance.ts";
import type { PluginInstanceSpec, PluginUseSpec } from "../../model/snapshot-spec.ts";
import type { LoadAnswer } from "../plugins/dialogue.ts";
import type { PluginCatalogue } from "../plugins/plugin-catalogue.ts";
import { isFolder, PluginSources, type PluginSource } from "../plugins/plugin-folders.ts";
import { WorkshopProblem } from "../plugins/workshop.ts";
import type { BuildContext } from "./build-context.ts";
import { BACKEND } from "./build-upstreams.ts";
import { checkNeeds } from "./check-needs.ts";
import type { ConfigPath } from "./diagnostics.ts";
import { writtenPlugins, type WrittenUse } from "./plugin-uses.ts";

/** What plugins come to in a specification. */
export interface BuiltPlugins {
  readonly instances: PluginInstanceSpec[];
  readonly all: PluginUseSpec[];
  /** By a route's place in the file. */
  readonly routes: ReadonlyMap<number, PluginUseSpec[]>;
  /** What they were made of, and the folders where another may appear. */
  readonly files: string[];
  /** Places in the configuration that must not be shown. */
  readonly secrets: ConfigPath[];
}

export type LoadedPlugin = Extract<LoadAnswer, { ok: true }>;

/** A use of a plugin that could be loaded. */
export interface FoundUse {
  readonly use: WrittenUse;
  readonly plugin: LoadedPlugin;
}

/** Loads the plugins a configuration names and reads what it says for them. What is wrong is told to the context. */
export function buildPlugins(context: BuildContext, catalogue: PluginCatalogue): Promise<BuiltPlugins> {
  return new PluginBuilder(context, catalogue).build();
}

class PluginBuilder {
  readonly #context: BuildContext;
  readonly #catalogue: PluginCatalogue;
  readonly #folders: string[];
  readonly #sources: PluginSources;
  readonly #upstreams: string[];
  readonly #loaded = new Map<string, LoadedPlugin | null>();
  readonly #instances = new Map<string, PluginInstanceSpec>();
  readonly #files = new Set<string>();
  readonly #secrets: ConfigPath[] = [];

  constructor(context: BuildContext, catalogue: PluginCatalogue) {
    const { config } = context;
    this.#context = context;
    this.#catalogue = catalogue;
    this.#folders = (config.plugins?.dir ?? ["plugins"])
      .filter((folder) => folder !== undefined)
      .map((folder) => context.files.resolve(folder));
    this.#sources = new PluginSources(this.#folders, catalogue.shipped);
    const names = (config.upstreams ?? []).map((upstream) => upstream?.name).filter((name) => name !== undefined);
    this.#upstreams = config.backend === undefined ? names : [...names, BACKEND];
  }

  async build(): Promise<BuiltPlugins> {
    const written = writtenPlugins(this.#context);
    const all = await this.#compile(written.all);
    const routes = new Map<number, PluginUseSpec[]>();
    const lists: Array<{ uses: FoundUse[]; route: number | null }> = [{ uses: all.found, route: null }];
    for (const { index, uses } of written.routes) {
      const { specs, found } = await this.#compile(uses);
      routes.set(index, specs);
      lists.push({ uses: found, route: index });
    }
    await checkNeeds(lists, this.#context, () => this.#everyPlugin());
    this.#warnOfUnused(written.mentioned);
    this.#warnOfMissingFolders();
    return {
      instances: [...this.#instances.values()],
      all: all.specs,
      routes,
      files: [...this.#files, ...this.#folders],
      secrets: this.#secrets,
    };
  }

  async #compile(uses: readonly WrittenUse[]): Promise<{ specs: PluginUseSpec[]; found: FoundUse[] }> {
    const specs: PluginUseSpec[] = [];
    const found: FoundUse[] = [];
    for (const use of uses) {
      const plugin = await this.#load(use);
      if (plugin === null) continue;
      found.push({ use, plugin });
      const key = await this.#instance(use, plugin);
      const { timeoutMs = plugin.about.timeoutMs, onError = plugin.about.onError } = use;
      if (key !== null) specs.push({ key, timeoutMs, onError });
    }
    return { specs, found };
  }

  async #load({ plugin: name, namePath }: WrittenUse): Promise<LoadedPlugin | null> {
    const source = this.#sources.get(name);
    if (source === undefined) {
      const folders = this.#folders.map((folder) => `${shown(folder)}/`).join(", ");
      const isDefinition = Object.hasOwn(this.#context.config.plugins?.define ?? {}, name);
      const hint = isDefinition
        ? `"${name}" is a definition, and definitions name plugins`
        : didYouMean(name, this.#sources.names);
      this.#context.error(namePath, `there is no plugin "${name}" in ${folders}, and none ships by that name`, hint);
      return null;
    }
    const known = this.#loaded.get(name);
    if (known !== undefined) return known;
    const answer = await this.#catalogue.load(source);
    for (const file of answer.files) if (!file.startsWith("shipped:")) this.#files.add(file);
    if (!answer.ok) {
      for (const { message, ...at } of answer.problems) this.#context.errorAt({ ...at, file: shown(at.file) }, message);
    }
    const loaded = answer.ok ? answer : null;
    this.#loaded.set(name, loaded);
    return loaded;
  }

  /** @returns the instance's key; null: its configuration is not right. */
  async #instance(use: WrittenUse, { module, hash, about }: LoadedPlugin): Promise<string | null> {
    const config = await this.#configure(use, module);
    if (config === null) return null;
    const { retrySetup } = use;
    const key = shortHash(JSON.stringify([hash, about.name, config.value, retrySetup]));
    const source = this.#sources.get(use.plugin)!;
    if (!this.#instances.has(key)) {
      const file = source.kind === "file" ? shown(source.file) : `plugins/${source.name}.ts`;
      this.#instances.set(key, { key, name: about.name, file, module, config: config.value, retrySetup });
    }
    return key;
  }

  async #configure(use: WrittenUse, module: string): Promise<{ value: unknown } | null> {
    try {
      const answer = await this.#catalogue.configure({ module, with: use.with ?? null, upstreams: this.#upstreams });
      if (answer.ok) {
        this.#secrets.push(...answer.secrets.map((path) => use.withPath(path)));
        return { value: answer.value };
      }
      for (const { path, message, hint } of answer.problems) this.#context.error(use.withPath(path), message, hint);
    } catch (error) {
      if (!(error instanceof WorkshopProblem)) throw error;
      this.#context.error(use.path, `plugin "${use.plugin}": ${error.message}`);
    }
    return null;
  }

  /** For hints: also those nobody uses. */
  async #everyPlugin(): Promise<Array<{ name: string; plugin: LoadedPlugin }>> {
    const every: Array<{ name: string; plugin: LoadedPlugin }> = [];
    for (const source of this.#sources.all) {
      const plugin = await this.#catalogue.load(source);
      if (plugin.ok) every.push({ name: source.name, plugin });
    }
    return every;
  }

  #warnOfUnused(mentioned: ReadonlySet<string>): void {
    const isUnused = (source: PluginSource) => source.kind === "file" && !mentioned.has(source.name);
    for (const source of this.#sources.all.filter(isUnused)) {
      const path: ConfigPath = this.#context.has(["plugins"]) ? ["plugins"] : [];
      this.#context.warn(path, `no route uses the plugin "${source.name}"`);
    }
  }

  #warnOfMissingFolders(): void {
    if (this.#context.config.plugins?.dir === undefined) return;
    for (const folder of this.#folders.filter((path) => !isFolder(path)))
      this.#context.warn(["plugins", "dir"], `there is no folder ${shown(folder)}`);
  }
}

/** From where the user stands, if that is shorter to say. */
function shown(path: string): string {
  const near = relative(process.cwd(), path);
  return near === "" || near.startsWith("..") || path.startsWith("shipped:") ? path : near;
}

function shortHash(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 16);
}
