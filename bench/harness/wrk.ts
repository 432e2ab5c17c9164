/** Closed-loop load by wrk: as many requests as the connections carry, the next when the last is answered. */
import { runPinned } from "./processes.ts";

const UNIT_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

export interface Load {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly cores: string;
}

export interface LoadResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p99Ms: number;
  /** wrk's own words about failed requests; empty when there were none. */
  readonly failures: string;
}

export async function runWrk({ url, connections, seconds, cores }: Load): Promise<LoadResult> {
  const command = ["wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "--latency", url];
  return parseWrk(await runPinned(command, cores));
}

function parseWrk(text: string): LoadResult {
  const failures = text.split("\n").filter((line) => /Non-2xx|Socket errors/.test(line));
  const [, p99 = "NaN", unit = "ms"] = /99%\s+([\d.]+)(us|ms|s|m)\b/.exec(text) ?? [];
  return {
    requests: Number(/(\d+) requests in/.exec(text)?.[1] ?? 0),
    requestsPerSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1] ?? 0),
    p99Ms: Number(p99) * (UNIT_MS[unit] ?? Number.NaN),
    failures: failures.map((line) => line.trim()).join("; "),
  };
}
