/** More than the proxy itself can do: does its memory stay where it is, and is all well soon after? */
import { mkdirSync } from "node:fs";
import { startOrigin } from "../harness/origin.ts";
import { cpuMicroseconds, processTree, residentKib } from "../harness/process-tree.ts";
import { percentile } from "../harness/statistics.ts";
import type { Workspace } from "../harness/workspace.ts";
import { runWrk } from "../harness/wrk.ts";
import { type Check, percent } from "./checks.ts";
import { CORES, type Proxy, withProxy } from "./proxy.ts";

const CONNECTIONS = 2000;
const SAMPLE_MS = 250;
const PROBES = 200;
/** As many good answers in a row as make "recovered". */
const GOOD_IN_A_ROW = 50;
const RELIEF_MS = 2000;
const CALM_MB = 64;
/** Work that each request is, so that it is the proxy that cannot keep up, whatever else the machine does. */
const WORK_MS = 0.1;
const WORK = `import { definePlugin, t } from "sluice";
export default definePlugin({
  name: "work",
  config: t.Object({}),
  setup: () => ({
    request() {
      for (const until = performance.now() + ${WORK_MS}; performance.now() < until;);
    },
  }),
});
`;

export async function overloadProxy(workspace: Workspace, edge: string, seconds: number): Promise<Check[]> {
  const origin = await startOrigin(workspace, CORES.load);
  mkdirSync(workspace.file("plugins"), { recursive: true });
  workspace.write("plugins/work.ts", WORK);
  const configuration = (port: number) => ({
    listeners: [{ name: "web", host: "127.0.0.1", port, edge }],
    plugins: { dir: workspace.file("plugins") },
    upstreams: [{ name: "origin", url: `http://127.0.0.1:${origin.port}` }],
    routes: [{ path: "/*", upstream: "origin", plugins: ["work"] }],
  });
  try {
    return await withProxy(workspace, configuration, (proxy) => measure(`edge ${edge}`, proxy, seconds));
  } finally {
    await origin.process.stop();
  }
}

async function measure(target: string, proxy: Proxy, seconds: number): Promise<Check[]> {
  const { pid, port } = proxy;
  const url = `http://127.0.0.1:${port}/`;
  console.log(
    `\n${target}: ${CONNECTIONS} connections that ask without a pause, ${seconds} s, ${WORK_MS} ms of work each`,
  );
  await runWrk({ url, connections: 64, seconds: 2, cores: CORES.load });
  const calm = await probe(url, PROBES);
  const tree = processTree(pid).length;
  const samples: number[] = [];
  const timer = setInterval(() => samples.push(residentKib(pid) / 1024), SAMPLE_MS);
  const [cpu, wall] = [cpuMicroseconds(pid), performance.now()];
  const load = await runWrk({ url, connections: CONNECTIONS, seconds, cores: CORES.load });
  const busy = (cpuMicroseconds(pid) - cpu) / ((performance.now() - wall) * 1000);
  clearInterval(timer);
  const recoveredMs = await recovery(url, calm);
  const after = await probe(url, PROBES);
  const third = Math.floor(samples.length / 3);
  const [early, late] = [Math.max(...samples.slice(0, third)), Math.max(...samples.slice(-third))];
  console.log(`  before: p99 ${calm.toFixed(2)} ms
  under:  ${load.requestsPerSecond.toFixed(0)}/s, p99 ${load.p99Ms.toFixed(0)} ms, proxy ${percent(busy)} of a core, ${load.failures || "nothing failed"}
  RSS:    ${early.toFixed(0)} MB at most in the first third, ${late.toFixed(0)} MB in the last
  after:  recovered in ${recoveredMs.toFixed(0)} ms, then p99 ${after.toFixed(2)} ms`);
  // Who waits longer than wrk does has not failed: so many cannot all be served at once. Nor has who was told to come again.
  const cut = /(?:connect|read|write) [1-9]/.test(load.failures) ? load.failures : "none";
  const codes = proxy.codes().filter((code) => code !== "overloaded");
  return [
    {
      what: `${target}: RSS bounded`,
      ok: late <= early * 1.1 + CALM_MB,
      saw: `${early.toFixed(0)} → ${late.toFixed(0)} MB`,
    },
    { what: `${target}: no crash`, ok: processTree(pid).length === tree, saw: `${tree} processes` },
    { what: `${target}: no connection broken`, ok: cut === "none", saw: cut },
    { what: `${target}: no failure but overloaded`, ok: codes.length === 0, saw: codes.join(", ") || "none" },
    { what: `${target}: recovered within 2 s`, ok: recoveredMs <= RELIEF_MS, saw: `${recoveredMs.toFixed(0)} ms` },
  ];
}

/** One request after another. @returns p99 in ms */
async function probe(url: string, times: number): Promise<number> {
  const took: number[] = [];
  for (let i = 0; i < times; i++) took.push(await once(url));
  return percentile(
    took.toSorted((a, b) => a - b),
    0.99,
  );
}

async function once(url: string): Promise<number> {
  const start = performance.now();
  const reply = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  await reply.arrayBuffer();
  return reply.status === 200 ? performance.now() - start : Number.POSITIVE_INFINITY;
}

/** @returns ms until the first of so many answers in a row that are as quick as before: three times as slow at most */
async function recovery(url: string, calmMs: number): Promise<number> {
  const start = performance.now();
  let since = start;
  for (let good = 0; good < GOOD_IN_A_ROW && performance.now() - start < 10 * RELIEF_MS;) {
    const took = await once(url).catch(() => Number.POSITIVE_INFINITY);
    if (took <= Math.max(5, 3 * calmMs)) good++;
    else {
      good = 0;
      since = performance.now();
    }
  }
  return since - start;
}
