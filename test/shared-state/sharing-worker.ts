/** A worker of the sharing tests: what `prepare` brings is a command, and the answer is what it saw. */
import { EMPTY_REPORT } from "../kit/empty-report.ts";
import { upwardChannel } from "../../src/control/workers/serve-channel.ts";
import { SHARED_ROW } from "../../src/control/workers/worker-process.ts";
import { Limit } from "../../src/proxy/limits/gcra.ts";
import { inheritedState } from "../../src/shared-state/worker-memory.ts";

const state = inheritedState(process.env[SHARED_ROW]!);
const limit = new Limit("test", { max: 1000, windowMs: 3_600_000 });

const COMMANDS: Readonly<Record<string, (number: number) => unknown>> = {
  acquire: (gate) => (state.inFlight.acquire(gate), state.inFlight.count(gate)),
  count: (gate) => state.inFlight.count(gate),
  mark: (slot) => Atomics.add(state.breakerWords(slot), 5, 1) + 1,
  take(times) {
    let allowed = 0;
    for (let i = 0; i < times; i++) if (state.rates.take("client", limit, 1_000_000).allowed) allowed++;
    return allowed;
  },
  offset: () => performance.now() + state.clockOffsetMs,
};

upwardChannel()!.serve(
  {
    prepare({ spec }) {
      const [command, number] = JSON.parse(spec) as [string, number];
      return COMMANDS[command]!(number) as null;
    },
    commit: () => null,
    abort: () => null,
    notReady: () => null,
    verdicts: () => null,
    drain: () => ({ complete: true }),
    view: () => ({ health: [], generations: [] }),
    metrics: () => EMPTY_REPORT,
    resetPlugin: () => false,
    ping: () => ({ rssBytes: 1, modulesLoaded: 0, listeners: [] }),
  },
  () => process.exit(0),
);
