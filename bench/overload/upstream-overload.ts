/** An upstream that can do so much, asked for five times as much: what is left of its goodput and of the latency. */
import { join } from "node:path";
import { cpuMicroseconds } from "../harness/process-tree.ts";
import { logTail, startPinned, type Started } from "../harness/processes.ts";
import type { Workspace } from "../harness/workspace.ts";
import { type OpenLoadResult, runOpenLoad } from "./open-load.ts";
import { type Check, percent } from "./checks.ts";
import { CORES, type Proxy, withProxy } from "./proxy.ts";

const HERE = import.meta.dir;
const PLACES = 16;
const SERVICE_MS = 20;
const CAPACITY = (PLACES * 1000) / SERVICE_MS;

const VARIANTS: Readonly<Record<string, object | null>> = {
  "no limit": null,
  "maxInFlight: 24": { maxInFlight: 24 },
  "maxInFlight: 16, queue 16 for 50 ms": { maxInFlight: 16, queue: { max: 16, wait: "50ms" } },
  "adaptive: true": { adaptive: true },
  "adaptive: true, queue 16 for 50 ms": { adaptive: true, queue: { max: 16, wait: "50ms" } },
};

/** Prints a line for each variant. */
export async function overloadUpstream(workspace: Workspace, seconds: number): Promise<Check[]> {
  const origin = await startOrigin(workspace);
  const runs = new Map<string, Run>();
  try {
    console.log(
      `\nAn upstream of ${PLACES} places, ${SERVICE_MS} ms each (${CAPACITY}/s), asked for ${5 * CAPACITY}/s, ${seconds} s`,
    );
    for (const [name, limits] of Object.entries(VARIANTS)) {
      const upstream = { name: "api", url: `http://127.0.0.1:${origin.port}`, ...(limits !== null && { limits }) };
      const configuration = (port: number) => ({
        listeners: [{ name: "web", host: "127.0.0.1", port }],
        upstreams: [upstream],
        routes: [{ path: "/*", upstream: "api" }],
      });
      const run = await withProxy(workspace, configuration, (proxy) => measure(proxy, seconds));
      print(name, run);
      runs.set(name, run);
    }
  } finally {
    await origin.started.stop();
  }
  // The quietest of all below its capacity is what the upstream does unloaded: a baseline that a neighbour disturbed would excuse anything.
  const unloadedMs = Math.min(...[...runs.values()].flatMap(({ calm, peak }) => [calm.p99Ms, peak.p99Ms]));
  console.log(
    `  unloaded: p99 ${unloadedMs.toFixed(1)} ms; the peak is ${CAPACITY}/s, what the upstream can do by its making`,
  );
  return [...runs].flatMap(([name, run]) => (VARIANTS[name] === null ? [] : judge(name, run, unloadedMs)));
}

interface Run {
  readonly calm: OpenLoadResult;
  readonly peak: OpenLoadResult;
  readonly over: OpenLoadResult;
  /** Of one core, while it was asked for too much. */
  readonly cpu: number;
}

async function measure({ port, pid }: Proxy, seconds: number): Promise<Run> {
  const load = (share: number) =>
    runOpenLoad({ port, perSecond: CAPACITY * share, seconds, warmupSeconds: 3, connections: share > 1 ? 1500 : 200 });
  const calm = await load(0.3);
  const peak = await load(0.95);
  const [cpu, wall] = [cpuMicroseconds(pid), performance.now()];
  const over = await load(5);
  const used = (cpuMicroseconds(pid) - cpu) / ((performance.now() - wall) * 1000);
  return { calm, peak, over, cpu: used };
}

function judge(name: string, { over, cpu }: Run, unloadedMs: number): Check[] {
  return [
    {
      what: `${name}: goodput ≥ 80 % of the peak`,
      ok: over.goodput >= 0.8 * CAPACITY,
      saw: percent(over.goodput / CAPACITY),
    },
    {
      what: `${name}: p99 of the admitted ≤ 3 × the unloaded one`,
      ok: over.p99Ms <= 3 * unloadedMs,
      saw: `${(over.p99Ms / unloadedMs).toFixed(2)} ×`,
    },
    { what: `${name}: the proxy below 70 % CPU`, ok: cpu < 0.7, saw: percent(cpu) },
    { what: `${name}: nothing failed but what was refused`, ok: over.failed === 0, saw: String(over.failed) },
  ];
}

/** A refusal is decided at once: when many took this long, it was the machine that stood still. */
const DISTURBED_MS = 15;

function print(name: string, { calm, peak, over, cpu }: Run): void {
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  console.log(`  ${name}
    30 % of it: ${calm.goodput.toFixed(0)}/s, p99 ${ms(calm.p99Ms)}, ${percent(calm.refused)} refused
    95 % of it: ${peak.goodput.toFixed(0)}/s, p99 ${ms(peak.p99Ms)}, ${percent(peak.refused)} refused
    five times: ${over.goodput.toFixed(0)}/s, p50 ${ms(over.p50Ms)}, p99 ${ms(over.p99Ms)}, ${percent(over.refused)} refused (p99 ${ms(over.refusedP99Ms)}), ${over.failed} failed, proxy ${percent(cpu)} of a core${over.refusedP99Ms > DISTURBED_MS ? " (disturbed: the machine was busy)" : ""}`);
}

async function startOrigin(workspace: Workspace): Promise<{ started: Started; port: number }> {
  const log = workspace.file("upstream.log");
  const command = [process.execPath, join(HERE, "origin-process.ts"), String(PLACES), String(SERVICE_MS)];
  const started = startPinned({ command }, CORES.load, log);
  for (let i = 0; i < 400; i++) {
    const port = Number((await Bun.file(log).text()).trim());
    if (port > 0) return { started, port };
    await Bun.sleep(25);
  }
  throw new Error(`the upstream does not come up\n${logTail(started)}`);
}
