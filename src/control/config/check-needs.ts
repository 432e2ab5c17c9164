import type { BuildContext } from "./build-context.ts";
import type { FoundUse, LoadedPlugin } from "./build-plugins.ts";

export interface PluginList {
  readonly uses: readonly FoundUse[];
  /** Its place in the file; null: `plugins.all` for what matches no route. */
  readonly route: number | null;
}

type Every = () => Promise<Array<{ name: string; plugin: LoadedPlugin }>>;

/** What a plugin needs of `ctx.state` must be provided by one before it in the same list. */
export async function checkNeeds(lists: readonly PluginList[], context: BuildContext, every: Every): Promise<void> {
  for (const { uses, route } of lists) {
    const provided = new Set<string>();
    for (const { use, plugin } of uses) {
      for (const need of plugin.about.needs.filter((name) => !provided.has(name))) {
        const where = use.path[0] === "plugins" && route !== null ? ` on routes.${route}` : "";
        const message = `plugin "${use.label}" needs ctx.state.${need}, which no plugin before it provides${where}`;
        context.error(use.path, message, await hintFor(need, uses, every));
      }
      for (const name of plugin.about.provides) provided.add(name);
    }
  }
}

async function hintFor(need: string, uses: readonly FoundUse[], every: Every): Promise<string | undefined> {
  const later = uses.find(({ plugin }) => plugin.about.provides.includes(need));
  if (later !== undefined) return `"${later.use.label}" provides it: put it before`;
  const known = (await every()).find(({ plugin }) => plugin.about.provides.includes(need));
  return known === undefined ? undefined : `the plugin "${known.name}" provides it`;
}
