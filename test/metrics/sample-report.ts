import type { WorkerReport } from "../../src/observability/metrics/worker-report.ts";

/** What a worker might say. @param n makes its numbers differ */
export function sampleReport(n: number): WorkerReport {
  return {
    process: {
      rssBytes: 80_000_000 + n,
      heapBytes: 20_000_000,
      cpuSeconds: n / 4,
      startedAtSeconds: 1_790_000_000,
      openFiles: 30 + n,
      lagSeconds: n / 1000,
    },
    endpoints: [
      {
        upstream: "api",
        endpoint: "http://10.0.0.1:80",
        inFlight: n,
        isAvailable: n % 2 === 1,
        isEjected: n % 2 === 0,
        pool: { idle: 2, busy: n, waiting: 0 },
      },
      {
        upstream: "api",
        endpoint: "http://10.0.0.2:80",
        inFlight: 1,
        isAvailable: true,
        isEjected: false,
        pool: null,
      },
    ],
    breakers: [
      { upstream: "api", endpoint: null, state: "closed" },
      { upstream: "api", endpoint: "http://10.0.0.1:80", state: n === 1 ? "open" : "half-open" },
    ],
    queues: [{ upstream: "api", waiting: n }],
    listeners: [{ name: "web", connections: 10 * n }],
    hooks: [
      { plugin: "jwt", phase: "request", buckets: [0, n, 2, ...Array<number>(20).fill(0), 1], sumMs: 3.5, failures: n },
    ],
    plugins: [
      {
        name: "sluice_plugin_cache_hits",
        kind: "counter",
        help: "",
        buckets: [],
        series: [
          ['kind="a\\"b"', [n]],
          ["", [1]],
        ],
      },
      {
        name: "sluice_plugin_cache_seconds",
        kind: "histogram",
        help: "How long.",
        buckets: [0.1, 1],
        series: [["", [1, n, 4 + n, 7.5]]],
      },
    ],
    events: [
      ["outlier_ejections", 'upstream="api",endpoint="http://10.0.0.1:80"', n],
      ["rate_limit_exceeded", 'limit="global",mode="enforce"', 2],
    ],
  };
}
