/** Loaded by `bun test` before the tests of plugins, which lie anywhere: "sluice" is answered by the program that runs them. */
import { dirname } from "node:path";
import { plugin } from "bun";
import * as contract from "../../plugin.ts";
import * as kit from "../../testing.ts";

void plugin({
  name: "sluice",
  setup(build) {
    build.module("sluice", () => ({ exports: { ...contract }, loader: "object" }));
    build.module("sluice/testing", () => ({ exports: { ...kit }, loader: "object" }));
    // As in the proxy: from the plugin's folder, else from what Sluice itself stands on.
    build.onResolve({ filter: /^(?!sluice$|sluice\/|node:|bun:)[^./]/ }, ({ path, importer }) => {
      if (canResolve(path, dirname(importer))) return undefined;
      return canResolve(path, import.meta.dir) ? { path: Bun.resolveSync(path, import.meta.dir) } : undefined;
    });
  },
});

function canResolve(specifier: string, folder: string): boolean {
  try {
    Bun.resolveSync(specifier, folder);
    return true;
  } catch {
    return false;
  }
}
