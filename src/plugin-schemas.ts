import { dirname, resolve } from "node:path";
import { loadConfig } from "./control/config/load-config.ts";
import type { PluginSchemas } from "./control/config/json-schema.ts";
import type { PluginCatalogue } from "./control/plugins/plugin-catalogue.ts";
import { PluginSources } from "./control/plugins/plugin-folders.ts";
import { openCatalogue } from "./plugin-workshop.ts";

/** What every plugin that ships, and every one beside a configuration, takes. A plugin that cannot be loaded is left out. */
export async function pluginSchemas(configFile: string | null): Promise<PluginSchemas> {
  const catalogue = openCatalogue();
  try {
    const sources = new PluginSources(await foldersOf(configFile, catalogue), catalogue.shipped);
    const schemas = new Map<string, object>();
    for (const source of sources.all) {
      const loaded = await catalogue.load(source);
      if (loaded.ok) schemas.set(source.name, loaded.about.schema);
    }
    return schemas;
  } finally {
    catalogue.close();
  }
}

/** Also of a configuration that has mistakes: whoever asks may be about to mend them. */
async function foldersOf(configFile: string | null, plugins: PluginCatalogue): Promise<string[]> {
  if (configFile === null) return [];
  const folder = dirname(resolve(configFile));
  const loaded = await loadConfig(configFile, { plugins });
  const given = loaded.ok ? loaded.config.plugins?.dir : undefined;
  return (given ?? ["plugins"]).map((path) => resolve(folder, path));
}
