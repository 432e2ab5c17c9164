import type { SnapshotSpec } from "./model/snapshot-spec.ts";
import { createLogger } from "./observability/logger.ts";
import { HOOK_PAGE_BYTES, HookPage } from "./plugin-services/hook-page.ts";
import { createPluginHost } from "./plugin-services/plugin-host.ts";
import { shippedPlugin } from "./plugin-services/shipped-plugin.ts";
import { PluginPlane } from "./proxy/plugin-plane.ts";

/** `sluice check --setup`: runs the `setup` of every plugin, closes them again, and says in lines what went wrong. */
export async function checkSetup(spec: SnapshotSpec): Promise<string[]> {
  const { log } = createLogger({ level: "error", format: "json" });
  const watch = new HookPage(new ArrayBuffer(HOOK_PAGE_BYTES));
  const host = createPluginHost({ log, shipped: shippedPlugin, watch });
  const clock = { now: () => performance.now(), wall: () => Date.now() };
  const plane = new PluginPlane({ host, clock, event: () => undefined, fetch: host.fetch });
  const problems: string[] = [];
  // One by one: each has its say.
  for (const instance of spec.plugins.instances) {
    const alone = { ...spec.plugins, instances: [{ ...instance, retrySetup: false }], all: [] };
    try {
      (await plane.setUp({ ...spec, plugins: alone })).retire();
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  await plane.idle();
  host.close();
  return problems;
}
