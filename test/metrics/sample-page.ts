import type { Exchange } from "../../src/model/exchange.ts";
import type { ProxyEvent } from "../../src/model/ports.ts";
import { Counters, SLOT_SIZE } from "../../src/observability/counters.ts";
import { EventCounts } from "../../src/observability/metrics/event-counts.ts";
import { MetricsPage, type MetricsSources } from "../../src/observability/metrics/metrics-page.ts";
import { WorkerReports } from "../../src/observability/metrics/worker-reports.ts";
import { type ParsedFamily, parseStrictly } from "./strict-parser.ts";
import { sampleReport } from "./sample-report.ts";

interface Ended {
  readonly slot?: number;
  readonly method?: string;
  readonly status?: number;
  readonly code?: string | null;
  readonly ms?: number;
  readonly attempts?: number;
  readonly isLimited?: boolean;
}

/** An exchange as far as counters look at it. @param ended slot 0: it matched no route */
export function exchange(ended: Ended = {}): Exchange {
  const { slot = 1, method = "GET", status = 200, code = null, ms = 3, attempts = 1, isLimited = false } = ended;
  return {
    received: { method },
    route: slot === 0 ? null : { slot },
    rate: isLimited ? {} : null,
    status,
    code,
    attempts,
    startedAt: 1000,
    endedAt: 1000 + ms,
    requestBytes: 10,
    replyBytes: 100,
  } as unknown as Exchange;
}

/** One of each event that is counted. */
const HAPPENED: readonly ProxyEvent[] = [
  { type: "config.reloaded", version: 1, routes: 2 },
  { type: "config.reloaded", version: 2, routes: 2 },
  { type: "config.rejected", errors: [] },
  { type: "upstream.unhealthy", upstream: "api", endpoint: "http://10.0.0.1:80", reason: "" },
  { type: "upstream.recovered", upstream: "api", endpoint: "http://10.0.0.1:80", reason: "" },
  { type: "circuit_breaker.opened", upstream: "api", endpoint: null, reason: "" },
  { type: "circuit_breaker.half_open", upstream: "api", endpoint: null, reason: "" },
  { type: "circuit_breaker.closed", upstream: "api", endpoint: null, reason: "" },
  { type: "outlier.ejected", upstream: "api", endpoint: "http://10.0.0.1:80", forMs: 1, reason: "" },
  { type: "rate_limit.exceeded", limit: "global", route: null, by: "clientIp", requestId: "", mode: "enforce" },
  { type: "rate_limit.fallback", reason: "" },
  { type: "rate_limit.recovered", reason: "" },
  { type: "overloaded", where: "upstream api", reason: "" },
  { type: "retry_budget.exhausted", upstream: "api" },
  { type: "plugin.suspended", plugin: "jwt", phase: "request", failures: 5, forMs: 1 },
  { type: "plugin.setup", plugin: "jwt", generation: "1", ms: 1 },
  { type: "request.refused", listener: "web", peer: "10.0.0.9", code: "bad_request", detail: "" },
  { type: "internal", where: "gateway", error: null },
];

export const EVENTS = new EventCounts();
for (const event of HAPPENED) EVENTS.count(event);

/** A page over two routes (slots 1, 2) and two endpoints (10, 11) of a process with two workers. */
export class SamplePage {
  readonly counters = new Counters(new Float64Array(16 * SLOT_SIZE));
  routes = [
    { id: "users", slot: 1 },
    { id: 'odd "\\\n route', slot: 2 },
  ];
  reports = new WorkerReports({
    workers: () => [1, 2].map((n) => ({ serial: n, number: n, ask: () => Promise.resolve(sampleReport(n)) })),
  });

  async text(flexgate = false, accept: string | null = null): Promise<string> {
    let text = "";
    for await (const chunk of new MetricsPage(this.#sources()).read({ accept, flexgate }).text) text += chunk;
    return text;
  }

  async families(flexgate = false): Promise<ParsedFamily[]> {
    return parseStrictly(await this.text(flexgate), "text");
  }

  /** The value of one series. */
  async value(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number | undefined> {
    const samples = (await this.families(true)).flatMap((family) => family.samples);
    const wanted = Object.entries(labels);
    return samples.find((sample) => {
      const count = Object.keys(sample.labels).length;
      return sample.name === name && count === wanted.length && wanted.every(([key, is]) => sample.labels[key] === is);
    })?.value;
  }

  /** As a process that has seen a bit of everything. */
  fill(): this {
    this.counters.record(exchange({ slot: 0, status: 404, code: "no_route" }));
    for (const ms of [0.2, 3, 30, 20_000]) this.counters.record(exchange({ ms, isLimited: true }));
    this.counters.record(exchange({ status: 429, code: "rate_limited", isLimited: true }));
    this.counters.record(exchange({ status: 503, code: "overloaded" }));
    this.counters.record(exchange({ slot: 2, method: "BREW", status: 418, attempts: 3 }));
    this.counters.recordAttempt(10, 200, null, 12);
    this.counters.recordAttempt(10, 0, "upstream_reset", 5);
    this.counters.recordRetry(11);
    this.counters.recordAttempt(11, 200, null, 8);
    this.counters.recordBytes(11, 10, 1000);
    return this;
  }

  #sources(): MetricsSources {
    return {
      counters: this.counters,
      spec: () => ({
        version: 7,
        routes: this.routes,
        endpoints: [
          { upstream: "api", endpoint: "http://10.0.0.1:80", slot: 10 },
          { upstream: "api", endpoint: "http://10.0.0.2:80", slot: 11 },
        ],
      }),
      workers: () => this.reports.ask(),
      events: () => EVENTS.all,
      seats: () => [
        { number: 1, state: "serving", restarts: 2 },
        { number: 2, state: "serving", restarts: 0 },
        { number: 2, state: "retiring", restarts: 0 },
      ],
      reload: () => ({ successful: true, appliedAtSeconds: 1_790_000_000 }),
      vitals: () => sampleReport(3).process,
      build: { version: "0.1.0", bun: Bun.version },
    };
  }
}
