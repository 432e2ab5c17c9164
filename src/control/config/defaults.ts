import type { HealthSpec, PassiveHealthSpec, SnapshotSpec } from "../../model/snapshot-spec.ts";
import { RATE_KEYS } from "../../proxy/shared-state.ts";

/** What holds where the configuration is silent. The schema quotes these, so that the docs cannot say anything else. */
export const DEFAULTS = {
  admin: { host: "127.0.0.1", port: 9000 },
  discovery: {
    registry: { keepPrefix: false, balance: "round-robin", maxInstances: 10_000, maxServices: 1_000 },
    dns: { family: "auto", graceMs: 30_000, timeoutMs: 2_000 },
    docker: {
      endpoint: "unix:///var/run/docker.sock",
      exposedByDefault: true,
      graceMs: 30_000,
    },
  },
  listener: { host: "0.0.0.0", port: 8080 },
  limits: { maxHeaderBytes: 16 * 1024, maxUriBytes: 8 * 1024 },
  timeouts: { headMs: 10_000, bodyIdleMs: 60_000, keepAliveMs: 75_000, streamIdleMs: null },
  shutdown: { delayMs: 0, drainMs: 8_000, retireMs: null },
  accessLog: { mode: "sampled", successRate: 0.1, errorRate: 1 },
  logging: { level: "info", format: "json" },
  rateLimits: { maxKeys: RATE_KEYS, redisTimeoutMs: 250 },
  upstream: {
    timeouts: { connectMs: 3_000, firstByteMs: 30_000, idleMs: 60_000, totalMs: null },
    limits: { maxConnections: 1024, maxPending: 1024 },
    /** Only what provably was not processed, once: a refused connection is worth another endpoint. */
    retries: {
      max: 1,
      on: { reset: false, timeout: false, statuses: [] },
      perTryMs: null,
      budget: { ratio: 0.2, minPerSecond: 1, windowMs: 2_000 },
      backOff: { baseMs: 25, maxMs: 250, maxRetryAfterMs: 1_000 },
      hedgeAfterMs: null,
      replayBytes: 64 * 1024,
    },
    panicBelow: 0.25,
    queueWaitMs: 1_000,
    /** `adaptive` without `maxInFlight` looks for its limit up to here. */
    adaptiveMax: 1024,
  },
  check: { path: "/", method: "GET", intervalMs: 10_000, timeoutMs: 2_000, healthyAfter: 2, unhealthyAfter: 3 },
  checkExpects: ["2xx", "3xx"],
  passive: {
    consecutive5xx: 5,
    consecutiveGatewayErrors: 5,
    failureRatio: null,
    minimumRequests: 50,
    intervalMs: 10_000,
    ejectMs: 30_000,
    maxEjectMs: 300_000,
    maxEjected: 0.5,
  },
  /** What `slow: true` means, and where endpoints share their traffic evenly nothing need say so. */
  slow: { factor: 5, atLeastMs: 25, minimumRequests: 20 },
  slowStart: { windowMs: 30_000, from: 0.1, aggression: 1 },
  /** Where `circuitBreaker` is given at all. */
  breaker: {
    consecutiveFailures: 5,
    failures: null,
    failureRatio: null,
    minimumRequests: 10,
    windowMs: 10_000,
    openMs: 30_000,
    halfOpenRequests: 3,
    successThreshold: 2,
  },
  memory: { low: 0.85, all: 0.95 },
  redirectStatus: 302,
} as const satisfies {
  timeouts: SnapshotSpec["timeouts"];
  shutdown: SnapshotSpec["shutdown"];
  accessLog: SnapshotSpec["accessLog"];
  passive: Omit<PassiveHealthSpec, "slow">;
  slowStart: HealthSpec["slowStart"];
} & Record<string, unknown>;

/** What `edge: auto` comes to on a listener without HTTP/2 and HTTP/3. */
export const AUTO_EDGE: "serve" | "wire" = "wire";
