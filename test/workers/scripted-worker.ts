/**
 * A worker that serves nothing: notes what it is asked, one line each, in the file that its first argument names, and behaves
 * as its second says: `good`; `refuses` or `dies` when asked to prepare a version above 1.
 */
import { appendFileSync } from "node:fs";
import { upwardChannel } from "../../src/control/workers/serve-channel.ts";

const [notes = "", behaviour = "good"] = process.argv.slice(2);
const note = (line: string): null => {
  appendFileSync(notes, `${line}\n`);
  return null;
};

upwardChannel()!.serve(
  {
    prepare({ spec }) {
      const { version } = JSON.parse(spec) as { version: number };
      note(`prepare ${version}`);
      if (version > 1 && behaviour === "refuses") throw new Error("not this one");
      if (version > 1 && behaviour === "dies") process.exit(1);
      return null;
    },
    commit: () => note("commit"),
    abort: () => note("abort"),
    notReady: () => note("notReady"),
    drain: () => (setImmediate(() => process.exit(0)), { complete: true }),
    ping: () => ({ rssBytes: 1, listeners: [] }),
  },
  () => process.exit(0),
);
