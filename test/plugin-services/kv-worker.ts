/**
 * A worker that hands operations on to what its supervisor keeps. The test speaks to it on the port that its first argument names:
 * an operation a line, and its outcome.
 */
import { EMPTY_REPORT } from "../kit/empty-report.ts";
import { createConnection } from "node:net";
import { createInterface } from "node:readline";
import type { KvOperation } from "../../src/control/workers/messages.ts";
import { upwardChannel } from "../../src/control/workers/serve-channel.ts";

const upward = upwardChannel()!;
const socket = createConnection(Number(process.argv[2]), "127.0.0.1");

createInterface({ input: socket }).on("line", (line) => {
  const { id, operation } = JSON.parse(line) as { id: number; operation: KvOperation };
  upward.kv.run(operation).then(
    (outcome) => socket.write(`${JSON.stringify({ id, outcome })}\n`),
    (error: Error) => socket.write(`${JSON.stringify({ id, error: error.message })}\n`),
  );
});

upward.serve(
  {
    prepare: () => null,
    commit: () => null,
    abort: () => null,
    notReady: () => null,
    verdicts: () => null,
    drain: () => (setImmediate(() => process.exit(0)), { complete: true }),
    view: () => ({ health: [], generations: [] }),
    metrics: () => EMPTY_REPORT,
    resetPlugin: () => false,
    ping: () => ({ rssBytes: 1, modulesLoaded: 0, listeners: [] }),
  },
  // Refusals of what still waits go out first.
  () => socket.end(() => process.exit(0)),
);
