import type { TSchema } from "@sinclair/typebox";
import { isPlugin, type Plugin } from "../../contract/define-plugin.ts";
import { readPluginConfig } from "../../contract/plugin-config.ts";
import { bundlePlugin } from "./bundle.ts";
import type {
  ConfigureAnswer,
  ConfigureAsk,
  LoadAnswer,
  LoadAsk,
  PluginDescription,
  SourceProblem,
} from "./dialogue.ts";

/** Imports a plugin that ships with the program; null: there is none by that name. */
export type ImportShipped = (name: string) => Promise<{ default: unknown }> | null;

/** The workshop's work: bundles plugins, imports them to see what they say of themselves, and reads their configuration. */
export class PluginDescriber {
  readonly #importShipped: ImportShipped;

  constructor(importShipped: ImportShipped) {
    this.#importShipped = importShipped;
  }

  async load(ask: LoadAsk): Promise<LoadAnswer> {
    if ("shipped" in ask) return this.#loadShipped(ask.shipped);
    const bundle = await bundlePlugin(ask.file, ask.folder);
    if (!bundle.ok) return bundle;
    const { files } = bundle;
    try {
      const about = describe(pluginOf(await import(bundle.module)));
      return { ...bundle, about };
    } catch (error) {
      return { ok: false, files, problems: [problemOfImport(error, ask.file, files)] };
    }
  }

  async configure(ask: ConfigureAsk): Promise<ConfigureAnswer> {
    const { config } = await this.#plugin(ask.module);
    return readPluginConfig(config, ask.with, { upstreams: ask.upstreams });
  }

  async #loadShipped(name: string): Promise<LoadAnswer> {
    const module = `shipped:${name}`;
    return { ok: true, module, hash: module, files: [], about: describe(await this.#plugin(module)) };
  }

  async #plugin(module: string): Promise<Plugin> {
    if (!module.startsWith("shipped:")) return pluginOf(await import(module));
    const shipped = this.#importShipped(module.slice("shipped:".length));
    if (shipped === null) throw new Error(`no plugin ships as ${module}`);
    return pluginOf(await shipped);
  }
}

function pluginOf(module: { default?: unknown }): Plugin {
  if (isPlugin(module.default)) return module.default;
  throw new NotAPlugin("its default export is no plugin: write `export default definePlugin({ … })`");
}

class NotAPlugin extends Error {}

function describe(plugin: Plugin): PluginDescription {
  return {
    name: plugin.name,
    provides: Object.keys(plugin.provides),
    needs: Object.keys(plugin.needs),
    timeoutMs: plugin.limits.timeoutMs,
    onError: plugin.onError,
    // Symbols and functions in it are for TypeBox alone.
    schema: JSON.parse(JSON.stringify(plugin.config satisfies TSchema)) as Record<string, unknown>,
  };
}

const FRAME = /\(?([^\s()]+):(\d+):(\d+)\)?$/;

/** The topmost line of the stack that is the author's. */
function problemOfImport(error: unknown, entry: string, files: readonly string[]): SourceProblem {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof NotAPlugin) return { file: entry, line: 0, column: 0, message };
  for (const line of (error instanceof Error ? (error.stack ?? "") : "").split("\n")) {
    const [, file, row, column] = FRAME.exec(line.trim()) ?? [];
    if (file === undefined || !files.includes(file)) continue;
    return { file, line: Number(row), column: Number(column), message: `fails when it is loaded: ${message}` };
  }
  return { file: entry, line: 0, column: 0, message: `fails when it is loaded: ${message}` };
}
