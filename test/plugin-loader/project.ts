import { join } from "node:path";
import { formatDiagnostic } from "../../src/control/config/diagnostics.ts";
import { loadConfig, type ConfigAccepted, type LoadedConfig } from "../../src/control/config/load-config.ts";
import type { PluginCatalogue } from "../../src/control/plugins/plugin-catalogue.ts";
import type { PluginUseSpec } from "../../src/model/snapshot-spec.ts";
import { openCatalogue } from "../../src/plugin-workshop.ts";
import { tempFolder, writeIn } from "../config/config-files.ts";

/** A folder with a configuration and plugins, as a user has one. */
export class Project implements Disposable {
  readonly folder = tempFolder();
  readonly catalogue: PluginCatalogue;

  constructor(files: Readonly<Record<string, string>>, options: Parameters<typeof openCatalogue>[0] = {}) {
    this.catalogue = openCatalogue(options);
    for (const [name, text] of Object.entries(files)) this.write(name, text);
  }

  get file(): string {
    return join(this.folder, "sluice.yaml");
  }

  write(name: string, text: string): void {
    writeIn(this.folder, name, text);
  }

  load(): Promise<LoadedConfig> {
    return loadConfig(this.file, { env: {}, plugins: this.catalogue });
  }

  async accepted(): Promise<ConfigAccepted> {
    const loaded = await this.load();
    if (!loaded.ok) throw new Error(`refused:\n${loaded.errors.map(formatDiagnostic).join("\n")}`);
    return loaded;
  }

  /** What is wrong, a line each, with paths from the project's folder. */
  async errors(): Promise<string[]> {
    const loaded = await this.load();
    return loaded.ok ? [] : loaded.errors.map((error) => formatDiagnostic(error).replaceAll(`${this.folder}/`, ""));
  }

  async warnings(): Promise<string[]> {
    return (await this.accepted()).warnings.map(({ path, message }) => `${path} ${message}`);
  }

  [Symbol.dispose](): void {
    this.catalogue.close();
  }
}

/** A plugin's source; `config` is the inside of its `t.Object({ … })`. */
export function plugin(name: string, config = "", rest = ""): string {
  return `import { definePlugin, t } from "sluice";
export default definePlugin({ name: "${name}", config: t.Object({ ${config} }), ${rest} setup: () => ({}) });
`;
}

export const UPSTREAM = 'upstreams: [{ name: api, url: "http://127.0.0.1:9001" }]\n';

/** One route, with what `fields` says. */
export function routeWith(fields: string, before = ""): string {
  return `${UPSTREAM}${before}routes:\n  - { path: /x, upstream: api, ${fields} }\n`;
}

/** The names of plugins in a list, and what is configured for them. */
export function namesOf(uses: readonly PluginUseSpec[], { spec }: ConfigAccepted): string[] {
  return uses.map(({ key }) => spec.plugins.instances.find((instance) => instance.key === key)!.name);
}
