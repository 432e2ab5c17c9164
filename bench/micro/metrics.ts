/**
 * What counting costs a request, and what a scrape of many routes costs everybody: `bun bench/micro/metrics.ts [ROUTES] [WORKERS]`.
 * Pages are shared memory, as with workers, every route has been asked for in six ways, and each worker has plugins.
 */
import { CounterPages } from "../../src/observability/counter-pages.ts";
import { Counters, SLOT_SIZE } from "../../src/observability/counters.ts";
import { MetricsPage } from "../../src/observability/metrics/metrics-page.ts";
import { WorkerReports } from "../../src/observability/metrics/worker-reports.ts";
import { mapPage } from "../../src/observability/page-file.ts";
import { EVENT_LOOP } from "../../src/observability/metrics/pace.ts";
import type { Exchange } from "../../src/model/exchange.ts";
import type { WorkerReport } from "../../src/observability/metrics/worker-report.ts";
import { sampleReport } from "../../test/metrics/sample-report.ts";

const routes = Number(process.argv[2] ?? 1000);
const workers = Number(process.argv[3] ?? 4);
const KINDS = [
  ["GET", 200, null],
  ["GET", 304, null],
  ["GET", 404, null],
  ["POST", 201, null],
  ["POST", 429, "rate_limited"],
  ["GET", 503, "no_healthy_endpoint"],
] as const;

function exchange(i: number, slots: number): Exchange {
  const [method, status, code] = KINDS[i % KINDS.length]!;
  const its = { method, status, code, route: { slot: 1 + (i % slots) } };
  return { ...its, received: { method }, startedAt: 0, endedAt: (i * 7.3) % 700, ...REST } as unknown as Exchange;
}
const REST = { rate: null, attempts: 1, requestBytes: 120, replyBytes: 4096 };

function record(): void {
  const counters = new Counters(new Float64Array(64 * SLOT_SIZE));
  const exchanges = Array.from({ length: 64 }, (_, i) => exchange(i, 20));
  const calls = 1_000_000;
  for (const [name, call] of [
    ["record: an exchange", (i: number) => counters.record(exchanges[i & 63]!)],
    ["recordAttempt", (i: number) => counters.recordAttempt(30 + (i & 15), 200, null, i & 127)],
    ["recordBytes", (i: number) => counters.recordBytes(30 + (i & 15), 10, 1000)],
  ] as const) {
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 6; round++) {
      const from = Bun.nanoseconds();
      for (let i = 0; i < calls; i++) call(i);
      best = Math.min(best, (Bun.nanoseconds() - from) / calls);
    }
    console.log(`${name.padEnd(44)} ${best.toFixed(1).padStart(8)} ns`);
  }
}

function pages(): CounterPages {
  const all = new CounterPages();
  for (let worker = 1; worker <= workers; worker++) {
    const counters = new Counters(new Float64Array(SLOT_SIZE));
    counters.moveTo(mapPage(all.give(worker, 2 * routes + 1)!));
    all.taken(worker);
    for (let i = 0; i < routes * 12; i++) counters.record(exchange(Math.floor(i / routes) + i * KINDS.length, routes));
    for (let i = 0; i < routes * 4; i++) {
      const record = exchange(i, routes);
      counters.record({ ...record, route: { slot: 1 + Math.floor(i / 4) } } as unknown as Exchange);
      counters.recordAttempt(1 + routes + (i % routes), 200, null, i % 300);
    }
  }
  return all;
}

/** What a worker says that serves all of it. */
function reportOf(worker: number): WorkerReport {
  const [first] = sampleReport(worker).endpoints;
  const named = Array.from({ length: routes }, (_, i) => ({
    upstream: `service-${i}`,
    endpoint: `http://10.0.0.${i}:80`,
  }));
  const endpoints = named.map((names) => ({ ...first!, ...names }));
  const breakers = named.map((names) => ({ ...names, state: "closed" as const }));
  return { ...sampleReport(worker), endpoints, breakers };
}

/** Notes how long each turn of the event loop was held: in CPU time of the thread, because this machine may have other things to do. */
class Turns {
  readonly pace = { now: () => EVENT_LOOP.now(), rest: () => this.#rest() };
  longest = 0;
  all: number[] = [];
  #since = 0;

  begin(): void {
    this.#since = cpuMs();
  }

  end(): void {
    this.all.push(cpuMs() - this.#since);
    this.longest = Math.max(this.longest, this.all.at(-1)!);
  }

  async #rest(): Promise<void> {
    this.end();
    await EVENT_LOOP.rest();
    this.begin();
  }
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

async function scrape(accept: string | null, flexgate: boolean): Promise<void> {
  const turns = new Turns();
  const answers = Array.from({ length: workers }, (_, i) => reportOf(i + 1));
  const asked = answers.map((report, i) => ({ serial: i + 1, number: i + 1, ask: () => Promise.resolve(report) }));
  const reports = new WorkerReports({ workers: () => asked });
  const named = Array.from({ length: routes }, (_, i) => i);
  const page = new MetricsPage(
    {
      counters,
      spec: () => ({
        version: 3,
        routes: named.map((i) => ({ id: `route-${i}.example.com/api/v1/*`, slot: 1 + i })),
        endpoints: named.map((i) => ({
          upstream: `service-${i}`,
          endpoint: `http://10.0.0.${i}:80`,
          slot: 1 + routes + i,
        })),
      }),
      workers: () => reports.ask(),
      events: () => [],
      seats: () => [{ number: 1, state: "serving", restarts: 0 }],
      reload: () => ({ successful: true, appliedAtSeconds: 1 }),
      vitals: () => answers[0]!.process,
      build: { version: "0.1.0" },
    },
    turns.pace,
  );
  let bytes = 0;
  let lines = 0;
  const took: number[] = [];
  const cpu: number[] = [];
  for (let round = 0; round < 12; round++) {
    bytes = 0;
    if (round === 2) turns.longest = (turns.all = []).length;
    const [from, cpuFrom] = [performance.now(), cpuMs()];
    turns.begin();
    for await (const chunk of page.read({ accept, flexgate }).text) {
      bytes += Buffer.from(chunk).byteLength;
      if (round === 0) lines += chunk.split("\n").length - 1;
    }
    turns.end();
    if (round >= 2) took.push(performance.now() - from);
    if (round >= 2) cpu.push(cpuMs() - cpuFrom);
    await EVENT_LOOP.rest();
  }
  took.sort((a, b) => a - b);
  cpu.sort((a, b) => a - b);
  turns.all.sort((a, b) => a - b);
  const at = (share: number) => turns.all[Math.floor(turns.all.length * share)]!.toFixed(2);
  const name = `scrape${accept === null ? "" : " (OpenMetrics)"}${flexgate ? " with FlexGate's names" : ""}`;
  console.log(
    `${name.padEnd(36)} ${took[5]!.toFixed(1).padStart(8)} ms (${cpu[5]!.toFixed(1)} ms CPU) ${lines} lines, ${(bytes / 2 ** 20).toFixed(1)} MB, ` +
      `${(turns.all.length / 10).toFixed(0)} turns, half below ${at(0.5)} ms, 90 % below ${at(0.9)}, longest ${turns.longest.toFixed(2)} (garbage collected)`,
  );
}

record();
const counters = pages();
console.log(`${routes} routes, ${routes} endpoints, ${workers} workers`);
await scrape(null, false);
await scrape("application/openmetrics-text", false);
await scrape(null, true);
process.exit(0);
