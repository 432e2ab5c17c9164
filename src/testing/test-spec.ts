import type { PluginUseSpec, RouteSpec, SnapshotSpec, UpstreamSpec } from "../model/snapshot-spec.ts";

/** The one upstream every test has; others are made as plugins name them. */
export const UPSTREAM = "upstream";

export interface TestRoute {
  readonly name?: string;
  readonly path?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A configuration with one route for everything, in front of which stands the plugin. */
export function testSpec(
  use: PluginUseSpec,
  instance: SnapshotSpec["plugins"]["instances"][number],
  route: TestRoute,
  upstreams: readonly string[],
): SnapshotSpec {
  return {
    version: 1,
    listeners: [],
    upstreams: [...new Set([UPSTREAM, ...upstreams])].map(upstreamOf),
    routes: [routeOf(use, route)],
    trustedProxies: [],
    blockedIPs: [],
    allowedHosts: null,
    neverDial: [],
    replyHeaders: [],
    limits: {
      maxConnections: null,
      maxConnectionsPerIp: null,
      maxHeaderBytes: 16384,
      maxUriBytes: 8192,
      maxBodyBytes: null,
    },
    timeouts: { headMs: 10_000, bodyIdleMs: 60_000, keepAliveMs: 75_000, streamIdleMs: null },
    accessLog: { mode: "off", successRate: 0, errorRate: 0 },
    shutdown: { delayMs: 0, drainMs: 8000, retireMs: null },
    workers: 1,
    plugins: { instances: [instance], all: [use], serverTiming: false, showErrors: false },
    rateLimits: { redis: null, maxKeys: 4096, global: null },
    admission: { maxInFlight: null, memory: null },
    redisUrl: null,
  };
}

function upstreamOf(name: string): UpstreamSpec {
  return {
    name,
    endpoints: [{ scheme: "http", host: "127.0.0.1", port: 1, weight: 1, basePath: "" }],
    protocol: "http1",
    tls: { ca: null, cert: null, key: null, serverName: null, insecure: false },
    balance: { policy: "round-robin" },
    sticky: null,
    retries: {
      max: 1,
      on: { reset: false, timeout: false, statuses: [] },
      perTryMs: null,
      budget: { ratio: 0.2, minPerSecond: 1, windowMs: 10_000 },
      backOff: { baseMs: 25, maxMs: 250, maxRetryAfterMs: 1000 },
      hedgeAfterMs: null,
      replayBytes: 65_536,
    },
    timeouts: { connectMs: 3000, firstByteMs: 30_000, idleMs: 60_000, totalMs: null },
    limits: { maxConnections: 1024, maxPending: 1024 },
    health: { active: null, passive: null, slowStart: null, panicBelow: null },
    breaker: { upstream: null, endpoint: null },
    breakerSlot: 0,
    endpointBreakerSlots: [1],
    endpointSlots: [1],
    admission: null,
  };
}

function routeOf(use: PluginUseSpec, { name = "test", path = "/*", labels = {} }: TestRoute): RouteSpec {
  return {
    id: name,
    slot: 0,
    match: { hosts: [], path, methods: [], headers: [], query: [], scheme: null, listeners: [] },
    priority: 0,
    action: {
      kind: "forward",
      targets: [{ upstream: UPSTREAM, weight: 1 }],
      splitBy: null,
      stripPath: null,
      rewritePath: null,
      preserveHost: null,
    },
    timeoutMs: null,
    totalMs: null,
    maxBodyBytes: null,
    rateLimits: [],
    maxInFlight: null,
    importance: 1,
    plugins: [use],
    labels: { ...labels },
    isDiscovered: false,
    origin: "test",
  };
}
