import { shippedPlugin as moduleOf } from "../shipped-plugins.ts";

/** The module of a plugin that ships with Sluice. Rejects when there is none of that name. */
export async function shippedPlugin(name: string): Promise<unknown> {
  const module = moduleOf(name);
  if (module === null) throw new Error(`no plugin called ${name} ships with this version`);
  return module;
}
