/**
 * A process with a watchdog whose ticks take 20 ms, doing what its first argument says: `hook`: a hook blocks it; `after-await`: something
 * does while hooks wait; `compile`: something does, but not for too long; `stop`: it stops the watchdog and blocks; `busy`: many short ones run
 * one after the other; `idle`: nothing.
 */
import { createLogger } from "../../src/observability/logger.ts";
import { HOOK_PAGE_BYTES, HookPage } from "../../src/plugin-services/hook-page.ts";
import { HOOK_RUNS } from "../../src/proxy/pipeline/plugin-host.ts";
import { Watchdog } from "../../src/watchdog.ts";

const memory = new SharedArrayBuffer(HOOK_PAGE_BYTES);
const page = new HookPage(memory);
const { log } = createLogger({ level: "info", format: "json" });
const watchdog = new Watchdog(memory, log, 20);
watchdog.start();

function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

// The thread is there before anything happens.
await Bun.sleep(300);
process.stdout.write("ready\n");
page.label("cors response");
const behaviours: Record<string, () => void> = {
  hook() {
    page.cell[0] = page.label("jwt request");
    block(60_000);
  },
  "after-await"() {
    page.cell[page.label("jwt request")] = 2;
    block(60_000);
  },
  busy() {
    // One hook after the other, and no timer in between: more than a hook may take by itself.
    for (let i = 0; i < 40; i++) {
      page.cell[0] = page.label("jwt request");
      page.cell[HOOK_RUNS]!++;
      block(20);
      page.cell[0] = 0;
    }
    process.stdout.write("served\n");
  },
  compile() {
    block(400);
    process.stdout.write("compiled\n");
  },
  stop() {
    watchdog.stop();
    page.cell[0] = page.label("jwt request");
    block(2000);
    process.stdout.write("still there\n");
  },
  idle: () => undefined,
};
behaviours[process.argv[2]!]!();
if (process.argv[2] === "idle") setTimeout(() => process.exit(0), 30_000);
