import type { WorkerReport } from "../../src/observability/metrics/worker-report.ts";

/** Of a worker that has seen nothing. */
export const EMPTY_REPORT: WorkerReport = {
  process: { rssBytes: 0, heapBytes: 0, cpuSeconds: 0, startedAtSeconds: 0, openFiles: null, lagSeconds: 0 },
  endpoints: [],
  breakers: [],
  queues: [],
  listeners: [],
  hooks: [],
  plugins: [],
  events: [],
};
