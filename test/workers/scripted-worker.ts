/**
 * A worker that serves nothing: notes what it is asked, one line each, in the file that its first argument names, and behaves
 * as its second says: `good`; `refuses`, `dies` or `blocks` (in a hook) when asked to prepare a version above 1; `grows`: each
 * version but the first costs it a module; `last`: grows too, and no successor can take its place.
 */
import { EMPTY_REPORT } from "../kit/empty-report.ts";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { upwardChannel } from "../../src/control/workers/serve-channel.ts";
import { HOOK_SIGN } from "../../src/control/workers/worker-process.ts";
import { mapHookPage } from "../../src/plugin-services/hook-page.ts";

const [notes = "", behaviour = "good"] = process.argv.slice(2);
const hasPredecessor = existsSync(notes) && readFileSync(notes, "utf8") !== "";
let modulesLoaded = -1;
const page = process.env[HOOK_SIGN] ? mapHookPage(process.env[HOOK_SIGN]) : null;
const note = (line: string): null => {
  appendFileSync(notes, `${line}\n`);
  return null;
};

upwardChannel()!.serve(
  {
    prepare({ spec }) {
      const { version } = JSON.parse(spec) as { version: number };
      note(`prepare ${version}`);
      modulesLoaded++;
      if (hasPredecessor && behaviour === "last") throw new Error("no successor");
      if (version > 1 && behaviour === "blocks") {
        page!.cell[0] = page!.label("jwt setup");
        for (;;);
      }
      if (version > 1 && behaviour === "refuses") throw new Error("not this one");
      if (version > 1 && behaviour === "dies") process.exit(1);
      return null;
    },
    commit: () => note("commit"),
    abort: () => note("abort"),
    notReady: () => note("notReady"),
    verdicts(verdicts) {
      for (const { endpoint, healthy } of verdicts) note(`verdict ${endpoint} ${healthy}`);
      return null;
    },
    drain: () => (note("drain"), setImmediate(() => process.exit(0)), { complete: true }),
    view: () => ({ health: [], generations: [] }),
    metrics: () => EMPTY_REPORT,
    resetPlugin: () => false,
    ping: () => ({
      rssBytes: 1,
      modulesLoaded: ["grows", "last"].includes(behaviour) ? modulesLoaded : 0,
      listeners: [],
    }),
  },
  () => process.exit(0),
);
