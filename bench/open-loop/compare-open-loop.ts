/** nginx's maximum by wrk, then everybody at 70 % of it at a fixed rate. */
import { join } from "node:path";
import { contenderNamed } from "../contenders/all-contenders.ts";
import type { Contender } from "../contenders/contender.ts";
import { runPinned } from "../harness/processes.ts";
import { type Surroundings, withContender } from "../harness/run-contender.ts";
import { median } from "../harness/statistics.ts";
import { runWrk } from "../harness/wrk.ts";
import type { Effort } from "../measure.ts";
import type { OpenLoadResult } from "./generator.ts";

const SHARE_OF_MAXIMUM = 0.7;
const CONNECTIONS = 128;
/** Where origin and generator share a core they may not manage 70 %: then both sides are driven at what they do manage. */
const STEP_DOWN = 0.9;
const STEPS = 10;
const TRIES_A_STEP = 2;
const CALIBRATION_SECONDS = 2;
const MANAGED_SHARE = 0.99;
const BEARABLE_LAG_MS = 3;
const GENERATOR = join(import.meta.dir, "..", "open-loop.ts");

export interface OpenLoopRow {
  readonly contender: string;
  /** Medians over the rounds. */
  readonly result: OpenLoadResult;
}

export interface OpenLoopComparison {
  readonly ratePerSecond: number;
  /** The rate as a share of nginx's maximum: 0.7 unless the generator cannot drive that. */
  readonly shareOfMaximum: number;
  readonly rows: readonly OpenLoopRow[];
  readonly left: ReadonlyMap<string, string>;
}

type Pace = Pick<Effort, "seconds" | "warmupSeconds">;

/** Contenders that speak TLS are not driven: the generator has cleartext only. */
export async function compareOpenLoop(
  contenders: readonly Contender[],
  effort: Effort,
  around: Surroundings,
): Promise<OpenLoopComparison> {
  const maximum = await nginxMaximum(effort, around);
  const ratePerSecond = await drivableRate(Math.floor(maximum * SHARE_OF_MAXIMUM), around);
  const shareOfMaximum = ratePerSecond / maximum;
  console.log(`open loop at ${ratePerSecond} requests/s, ${(shareOfMaximum * 100).toFixed(0)} % of nginx's maximum`);
  const results = new Map<string, OpenLoadResult[]>();
  const left = new Map<string, string>();
  for (let round = 0; round < effort.rounds; round++) {
    for (const contender of contenders) {
      if (contender.scheme !== "http" || left.has(contender.name)) continue;
      try {
        const result = await drive(contender, ratePerSecond, effort, around);
        results.set(contender.name, [...(results.get(contender.name) ?? []), result]);
        console.log(contender.name.padEnd(14), line(result));
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        console.log(`${contender.name}: left out: ${reason}`);
        left.set(contender.name, (reason.split("\n")[0] ?? reason).replace(`${contender.name}: `, ""));
      }
    }
  }
  const rows = [...results].map(([contender, all]) => ({ contender, result: medianOf(all) }));
  return { ratePerSecond, shareOfMaximum, rows, left };
}

async function nginxMaximum(effort: Effort, around: Surroundings): Promise<number> {
  const rates: number[] = [];
  for (let round = 0; round < effort.rounds; round++) {
    const { seconds, connections } = effort;
    const load = ({ url }: { url: string }) => ({ url: `${url}/`, connections, seconds, cores: around.cores.load });
    const result = await withContender(contenderNamed("nginx"), around, (running) => runWrk(load(running)));
    rates.push(result.requestsPerSecond);
  }
  return median(rates);
}

/** The wanted rate, or the highest step below it that the generator keeps up in front of nginx. */
async function drivableRate(wanted: number, around: Surroundings): Promise<number> {
  let rate = wanted;
  for (let step = 0; step < STEPS; step++) {
    if (await keepsUp(rate, around)) return rate;
    console.log(`the generator does not keep up ${rate} requests/s here: going lower`);
    rate = Math.floor(rate * STEP_DOWN);
  }
  return rate;
}

/** Twice, because a busy moment of the machine says nothing about the generator. */
async function keepsUp(rate: number, around: Surroundings): Promise<boolean> {
  for (let attempt = 0; attempt < TRIES_A_STEP; attempt++) {
    const pace = { seconds: CALIBRATION_SECONDS, warmupSeconds: 1 };
    const { achievedPerSecond, lagP99Ms } = await drive(contenderNamed("nginx"), rate, pace, around);
    if (achievedPerSecond >= rate * MANAGED_SHARE && lagP99Ms <= BEARABLE_LAG_MS) return true;
  }
  return false;
}

function drive(contender: Contender, rate: number, effort: Pace, around: Surroundings): Promise<OpenLoadResult> {
  return withContender(contender, around, async ({ url }) => {
    // Compiled and with its pools filled: what a cold start leaves waiting would otherwise be in every percentile.
    const { seconds, warmupSeconds } = effort;
    await runWrk({
      url: `${url}/`,
      connections: CONNECTIONS,
      seconds: Math.max(1, warmupSeconds),
      cores: around.cores.load,
    });
    const pace = `--rate ${rate} --seconds ${seconds} --warmup 1 --connections ${CONNECTIONS}`;
    const command = [process.execPath, GENERATOR, `${url}/`, "--json", ...pace.split(" ")];
    const text = await runPinned(command, around.cores.load);
    return JSON.parse(text) as OpenLoadResult;
  });
}

function medianOf(results: readonly OpenLoadResult[]): OpenLoadResult {
  const of = (pick: (result: OpenLoadResult) => number): number => median(results.map(pick));
  return {
    p50Ms: of((result) => result.p50Ms),
    p90Ms: of((result) => result.p90Ms),
    p99Ms: of((result) => result.p99Ms),
    p999Ms: of((result) => result.p999Ms),
    achievedPerSecond: of((result) => result.achievedPerSecond),
    lagP99Ms: of((result) => result.lagP99Ms),
    unanswered: of((result) => result.unanswered),
    failed: of((result) => result.failed),
  };
}

function line(result: OpenLoadResult): string {
  const ms = (value: number): string => value.toFixed(2).padStart(7);
  return [
    `p50 ${ms(result.p50Ms)}  p90 ${ms(result.p90Ms)}  p99 ${ms(result.p99Ms)}  p99.9 ${ms(result.p999Ms)} ms`,
    `${result.achievedPerSecond.toFixed(0)} requests/s`,
    `generator ${result.lagP99Ms.toFixed(2)} ms late`,
    result.failed + result.unanswered === 0 ? "" : `${result.failed} failed, ${result.unanswered} unanswered`,
  ].join("  ");
}
