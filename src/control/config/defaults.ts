import type { SnapshotSpec } from "../../model/snapshot-spec.ts";

/** What holds where the configuration is silent. The schema quotes these, so that the docs cannot say anything else. */
export const DEFAULTS = {
  listener: { host: "0.0.0.0", port: 8080 },
  limits: { maxHeaderBytes: 16 * 1024, maxUriBytes: 8 * 1024 },
  timeouts: { headMs: 10_000, bodyIdleMs: 60_000, keepAliveMs: 75_000, streamIdleMs: null },
  shutdown: { delayMs: 0, drainMs: 8_000, retireMs: null },
  accessLog: { mode: "sampled", successRate: 0.1, errorRate: 1 },
  logging: { level: "info", format: "json" },
  upstream: {
    timeouts: { connectMs: 3_000, firstByteMs: 30_000, idleMs: 60_000, totalMs: null },
    limits: { maxConnections: 1024, maxPending: 1024 },
    /** Only what provably was not processed, once: a refused connection is worth another endpoint. */
    retries: { max: 1, on: "safe", perTryMs: null },
  },
  redirectStatus: 302,
} as const satisfies {
  timeouts: SnapshotSpec["timeouts"];
  shutdown: SnapshotSpec["shutdown"];
  accessLog: SnapshotSpec["accessLog"];
} & Record<string, unknown>;

/** What `edge: auto` comes to on a listener without HTTP/2 and HTTP/3. */
export const AUTO_EDGE: "serve" | "wire" = "wire";
