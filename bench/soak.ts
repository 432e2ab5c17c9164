/** `bun bench/soak.ts`: minutes of mixed load, aborts included, and the slope of the proxy's memory. By hand, not in CI. */
import { parseArgs } from "node:util";
import type { Contender } from "./contenders/contender.ts";
import { residentKib } from "./harness/process-tree.ts";
import type { Running } from "./harness/run-contender.ts";
import { contenderFrom, onStage } from "./harness/stage.ts";
import { type Point, slope } from "./harness/statistics.ts";
import { runWrk } from "./harness/wrk.ts";
import { runMix, type Tally } from "./soak/mix.ts";

const USAGE = `bun bench/soak.ts [--target sluice-wire] [--minutes 10] [--sample-seconds 10]
  --target: a contender's name (sluice-wire, sluice-serve, nginx, …; cleartext only) or NAME=PORT=COMMAND
  prints the proxy's RSS as it goes and, last, its slope over the last four fifths`;

/** The first fifth is the proxy warming up: pools, compiled code, the heap finding its size. */
const SKIPPED_SHARE = 0.2;
const STEADY_CONNECTIONS = 16;
const STEADY_PATHS = ["/", "/10k"];

interface Plan {
  readonly seconds: number;
  readonly sampleSeconds: number;
}

async function soak({ pid, port, url }: Running, contender: Contender, plan: Plan): Promise<void> {
  const stop = new AbortController();
  const tallies = new Map<string, Tally>();
  const steady = STEADY_PATHS.map((path) =>
    runWrk({ url: url + path, connections: STEADY_CONNECTIONS, seconds: plan.seconds, cores: "1" }),
  );
  const mix = runMix(port, stop.signal, tallies);
  const samples = await sampleMemory(pid, plan);
  stop.abort();
  const loads = await Promise.all(steady);
  await mix;
  for (const [index, { requests, failures }] of loads.entries()) {
    console.log(`steady ${STEADY_PATHS[index]}: ${requests} requests ${failures}`);
  }
  for (const [name, { done, failed }] of tallies) console.log(`${name}: ${done} done, ${failed} failed`);
  const counted = samples.slice(Math.floor(samples.length * SKIPPED_SHARE));
  const minutes = (plan.seconds * (1 - SKIPPED_SHARE)) / 60;
  console.log(
    `${contender.name}: RSS slope of the last ${minutes.toFixed(1)} minutes: ${slope(counted).toFixed(3)} MB/min`,
  );
}

/** Minutes since the start and MB, one point a sample. */
async function sampleMemory(pid: number, { seconds, sampleSeconds }: Plan): Promise<Point[]> {
  const samples: Point[] = [];
  const startAt = Date.now();
  for (let count = 1; count * sampleSeconds <= seconds; count++) {
    await Bun.sleep(startAt + count * sampleSeconds * 1000 - Date.now());
    const megabytes = residentKib(pid) / 1024;
    if (megabytes === 0) throw new Error("the proxy has ended");
    samples.push({ x: (Date.now() - startAt) / 60_000, y: megabytes });
    console.log(`${String(count * sampleSeconds).padStart(5)} s  ${megabytes.toFixed(1)} MB`);
  }
  return samples;
}

const { values } = parseArgs({
  options: {
    target: { type: "string", default: "sluice-wire" },
    minutes: { type: "string", default: "10" },
    "sample-seconds": { type: "string", default: "10" },
    help: { type: "boolean", short: "h", default: false },
  },
});

if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
try {
  const contender = contenderFrom(values.target);
  if (contender.scheme !== "http") throw new Error("the mix speaks cleartext only");
  const plan = { seconds: Math.round(Number(values.minutes) * 60), sampleSeconds: Number(values["sample-seconds"]) };
  await onStage(contender, (running) => soak(running, contender, plan));
  process.exit(0);
} catch (error) {
  console.error(`soak: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
