import { join } from "node:path";
import { PluginCatalogue } from "./control/plugins/plugin-catalogue.ts";
import type { WorkshopOptions } from "./control/plugins/workshop.ts";
import type { Io } from "./main.ts";
import { ownCommand } from "./own-command.ts";
import { SHIPPED_PLUGINS, shippedPlugin } from "./shipped-plugins.ts";

/** `sluice plugin-workshop`: for the control plane only. Bundles and describes plugins until its channel closes. */
export async function workshopCommand(_args: string[], io: Io): Promise<number> {
  // Ctrl-C reaches the whole process group: what it means is for whoever asks to say.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
  // A proxy without plugins never loads what is in there.
  const { serveWorkshop } = await import("./control/plugins/serve-workshop.ts");
  const served = serveWorkshop(shippedPlugin);
  if (served === null) {
    io.err("sluice plugin-workshop: only Sluice itself starts workshops");
    return 2;
  }
  await served;
  return 0;
}

/** The plugins that configurations may use: what ships, and the files of their folders. Close it when done. */
export function openCatalogue(options: Omit<WorkshopOptions, "command"> = {}): PluginCatalogue {
  const shipped = { names: Object.keys(SHIPPED_PLUGINS), folder: join(import.meta.dir, "../plugins") };
  return new PluginCatalogue({ command: [...ownCommand(), "plugin-workshop"], shipped, ...options });
}
