/** `bun run bench`: Sluice beside nginx, haproxy, caddy and http-proxy-3, in one run on one machine. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { missingTools } from "./contenders/contender.ts";
import { describeMachine } from "./harness/machine.ts";
import { startOrigin } from "./harness/origin.ts";
import { endChildrenWithUs } from "./harness/processes.ts";
import { createWorkspace } from "./harness/workspace.ts";
import { compare } from "./measure.ts";
import { compareOpenLoop } from "./open-loop/compare-open-loop.ts";
import { type Options, readOptions, USAGE } from "./options.ts";
import { cpuChart } from "./report/chart.ts";
import { type Report, resultsMarkdown } from "./report/results-markdown.ts";

const NEEDED = [
  { command: "wrk", install: "apt-get install wrk" },
  { command: "taskset", install: "apt-get install util-linux" },
];

async function bench(options: Options): Promise<Report> {
  const machine = describeMachine();
  const workspace = createWorkspace();
  const { contenders, effort, cores } = options;
  const origin = await startOrigin(workspace, cores.load);
  const around = { workspace, originPort: origin.port, cores };
  const closed = options.closedLoop ? await compare(contenders, options.pathsOf, effort, around) : undefined;
  const open = options.openLoop ? await compareOpenLoop(openLoopContenders(options), effort, around) : undefined;
  await origin.process.stop();
  return { contenders, effort, cores, machine, closed, open };
}

/** In the long run only what the open loop's target is about: every other variant costs minutes and says nothing new. */
function openLoopContenders({ contenders, closedLoop }: Options): Options["contenders"] {
  if (!closedLoop) return contenders;
  return contenders.filter(({ name }) => ["nginx", "sluice-serve", "sluice-wire"].includes(name));
}

async function write(report: Report, dir: string): Promise<void> {
  mkdirSync(dir, { recursive: true });
  const chart = report.closed === undefined ? undefined : cpuChart(report.closed, report.contenders);
  if (chart !== undefined) await Bun.write(join(dir, "results.svg"), chart);
  const results = join(dir, "RESULTS.md");
  await Bun.write(results, resultsMarkdown(report));
  // The page is part of the tree, and the whole tree is formatted.
  await Bun.spawn([process.execPath, "fmt", results], { stdout: "ignore", stderr: "ignore" }).exited;
  console.log(`wrote RESULTS.md${chart === undefined ? "" : " and results.svg"}`);
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), import.meta.dir);
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  const missing = process.platform === "linux" ? missingTools(NEEDED) : "it needs Linux (/proc, taskset)";
  if (missing !== undefined) throw new Error(missing);
  endChildrenWithUs();
  const report = await bench(options);
  console.log(`\n${resultsMarkdown(report)}`);
  if (options.out !== undefined) await write(report, options.out);
  return 0;
}

try {
  process.exit(await main());
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
