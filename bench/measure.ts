/** The closed-loop comparison: a fresh process for every figure, the contenders taking turns. */
import type { Contender } from "./contenders/contender.ts";
import { cpuMicroseconds, residentKib } from "./harness/process-tree.ts";
import { ContenderFailed, type Running, type Surroundings, withContender } from "./harness/run-contender.ts";
import { median } from "./harness/statistics.ts";
import { type Load, runWrk } from "./harness/wrk.ts";

export interface Effort {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly connections: number;
}

export interface Figures {
  readonly cpuMicroseconds: number;
  readonly requestsPerSecond: number;
  readonly p99Ms: number;
  readonly residentMib: number;
}

export interface Run extends Figures {
  readonly contender: string;
  readonly path: string;
  readonly failures: string;
}

export interface Comparison {
  readonly runs: readonly Run[];
  /** Why a contender is missing, by its name. */
  readonly left: ReadonlyMap<string, string>;
}

/** Round by round, path by path; who starts moves on, so that nobody always follows the same neighbour. */
export async function compare(
  contenders: readonly Contender[],
  pathsOf: (contender: Contender) => readonly string[],
  effort: Effort,
  around: Surroundings,
): Promise<Comparison> {
  const runs: Run[] = [];
  const left = new Map<string, string>();
  const paths = [...new Set(contenders.flatMap(pathsOf))];
  for (const path of paths) {
    for (let round = 0; round < effort.rounds; round++) {
      for (const contender of rotated(contenders, round)) {
        if (left.has(contender.name) || !pathsOf(contender).includes(path)) continue;
        const run = await measureOrSay(contender, path, effort, around, left);
        if (run !== undefined) runs.push(run);
      }
    }
  }
  return { runs, left };
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const start = by % Math.max(1, items.length);
  return [...items.slice(start), ...items.slice(0, start)];
}

async function measureOrSay(
  contender: Contender,
  path: string,
  effort: Effort,
  around: Surroundings,
  left: Map<string, string>,
): Promise<Run | undefined> {
  try {
    const run = await withContender(contender, around, (running) =>
      measure(contender.name, running, path, effort, around),
    );
    console.log(runLine(run));
    return run;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.log(`${contender.name}: left out: ${reason}`);
    left.set(contender.name, (reason.split("\n")[0] ?? reason).replace(`${contender.name}: `, ""));
    if (!(error instanceof ContenderFailed)) console.log(error);
    return undefined;
  }
}

async function measure(
  contender: string,
  running: Running,
  path: string,
  { seconds, warmupSeconds, connections }: Effort,
  around: Surroundings,
): Promise<Run> {
  const load: Load = { url: running.url + path, connections, seconds, cores: around.cores.load };
  if (warmupSeconds > 0) await runWrk({ ...load, seconds: warmupSeconds });
  const before = cpuMicroseconds(running.pid);
  const result = await runWrk(load);
  const spent = cpuMicroseconds(running.pid) - before;
  if (result.requests === 0) throw new ContenderFailed(`${contender}: no request was answered (${result.failures})`);
  return {
    contender,
    path,
    cpuMicroseconds: spent / result.requests,
    requestsPerSecond: result.requestsPerSecond,
    p99Ms: result.p99Ms,
    residentMib: residentKib(running.pid) / 1024,
    failures: result.failures,
  };
}

function runLine(run: Run): string {
  return [
    run.path.padEnd(6),
    run.contender.padEnd(22),
    `${run.cpuMicroseconds.toFixed(2).padStart(9)} µs/request`,
    `${run.requestsPerSecond.toFixed(0).padStart(7)} requests/s`,
    `p99 ${run.p99Ms.toFixed(2).padStart(7)} ms`,
    `${run.residentMib.toFixed(0).padStart(5)} MiB`,
    run.failures,
  ].join("  ");
}

/** The median of each figure over the rounds; undefined when there is no run. */
export function medians(runs: readonly Run[], contender: string, path: string): Figures | undefined {
  const mine = runs.filter((run) => run.contender === contender && run.path === path);
  if (mine.length === 0) return undefined;
  return {
    cpuMicroseconds: median(mine.map((run) => run.cpuMicroseconds)),
    requestsPerSecond: median(mine.map((run) => run.requestsPerSecond)),
    p99Ms: median(mine.map((run) => run.p99Ms)),
    residentMib: median(mine.map((run) => run.residentMib)),
  };
}
