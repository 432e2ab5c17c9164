import type { HashKeySpec, UpstreamSpec } from "./upstream-spec.ts";
import type { AdmissionSpec, GateSpec, RateLimitSpec, RateLimitsSpec } from "./traffic-spec.ts";

export type * from "./traffic-spec.ts";
export type * from "./upstream-spec.ts";

/**
 * What the control plane hands to every data plane: plain JSON, complete, validated, defaults filled in. Durations in ms,
 * sizes in bytes; `null` means off. The data plane compiles it and never sees where it came from.
 */
export interface SnapshotSpec {
  version: number;
  listeners: ListenerSpec[];
  upstreams: UpstreamSpec[];
  /** In configuration order; ids are unique. */
  routes: RouteSpec[];
  /** CIDR blocks or single addresses whose X-Forwarded-* and X-Request-Id are believed. */
  trustedProxies: string[];
  /** CIDR blocks or addresses that are never dialled. */
  blockedIPs: string[];
  /** Host patterns (`api.example.com`, `*.corp`) that may be dialled; null: any. */
  allowedHosts: string[] | null;
  /** Our own admin listeners: nobody's upstream, whoever names them. */
  neverDial: Array<{ host: string; port: number }>;
  /** Added to every reply unless the reply has them. */
  replyHeaders: Array<[name: string, value: string]>;
  limits: LimitsSpec;
  timeouts: DownstreamTimeoutsSpec;
  accessLog: AccessLogSpec;
  shutdown: { delayMs: number; drainMs: number; retireMs: number | null };
  workers: number;
  plugins: PluginsSpec;
  rateLimits: RateLimitsSpec;
  admission: AdmissionSpec;
  /** Where what workers and machines share is kept; null: this machine's memory. May hold a password. */
  redisUrl: string | null;
}

export interface PluginsSpec {
  /** Each is set up once a worker. */
  instances: PluginInstanceSpec[];
  /** `plugins.all`: also for requests that match no route. */
  all: PluginUseSpec[];
  /** Replies to requests that carry `X-Server-Timing` say how long each hook took. */
  serverTiming: boolean;
  /** Failures of hooks are shown in replies: for `sluice dev`. */
  showErrors: boolean;
}

/** A generation of a plugin with one configuration. */
export interface PluginInstanceSpec {
  /** Made of what was loaded and how it is configured: the same key is the same instance. */
  key: string;
  /** The plugin's own name; also the namespace of its `kv`. */
  name: string;
  /** Its source, for messages. */
  file: string;
  /** What to import: an absolute path, or `shipped:NAME`. */
  module: string;
  /** Validated, defaults filled in. May hold secrets. */
  config: unknown;
  /** A set-up that fails does not refuse the version: routes that use it answer 503 until it works. */
  retrySetup: boolean;
}

/** One place of an instance in a list. */
export interface PluginUseSpec {
  key: string;
  timeoutMs: number;
  onError: "fail" | "continue";
}

export interface ListenerSpec {
  /** Unique; `host:port` where the configuration names none. */
  name: string;
  host: string;
  port: number;
  /** What the configuration's `auto` came to. */
  edge: "serve" | "wire";
  tls: TlsIdentitySpec[];
  http2: boolean;
  http3: boolean;
  redirectToHttps: boolean;
  proxyProtocol: boolean;
  /** Answered by the listener itself, on any host; null: off. */
  healthPath: string | null;
}

/** PEM texts, already read: a worker needs no access to the files. */
export interface TlsIdentitySpec {
  cert: string;
  key: string;
  /** Names this identity serves, lower case, from the certificate or configured; empty: the default. */
  serverNames: string[];
  clientCa: string | null;
}

export interface LimitsSpec {
  maxConnections: number | null;
  maxConnectionsPerIp: number | null;
  maxHeaderBytes: number;
  maxUriBytes: number;
  /** Of a request; null: any. A route may set its own. */
  maxBodyBytes: number | null;
}

export interface DownstreamTimeoutsSpec {
  /** From the first byte of a request to the end of its head. */
  headMs: number;
  /** Between two reads of a request body. */
  bodyIdleMs: number;
  /** Between two requests of a connection. */
  keepAliveMs: number;
  /** A quiet `text/event-stream` or tunnel; null: never. */
  streamIdleMs: number | null;
}

export interface AccessLogSpec {
  mode: "off" | "sampled" | "all";
  /** 0 to 1: the share of replies below 400, and of the others, that are logged when sampled. */
  successRate: number;
  errorRate: number;
}

export interface RouteSpec {
  /** Unique, bounded, the metric label. */
  id: string;
  /** Counter slot, given by the control plane; stays with the id across versions. */
  slot: number;
  match: MatchSpec;
  priority: number;
  action: RouteAction;
  /** Until the reply's head, retries included; null: the upstream's. */
  timeoutMs: number | null;
  totalMs: number | null;
  /** null: `LimitsSpec.maxBodyBytes`. */
  maxBodyBytes: number | null;
  /** In order; each must allow a request. */
  rateLimits: RateLimitSpec[];
  /** How many may be in flight at once; null: any. */
  maxInFlight: GateSpec | null;
  /** 0 is the most important class; the highest goes first when something has to give. */
  importance: number;
  /** In order, those of every route first. */
  plugins: PluginUseSpec[];
  /** Free words about a route, for plugins and metrics. */
  labels: Record<string, string>;
  /** Found by a provider: any other route wins over it. */
  isDiscovered: boolean;
  /** Where this came from: `file`, `store`, `docker` …; and `line:column` where it has one, for `explain`. */
  origin: string;
}

export interface MatchSpec {
  /** Lower case; exact or `*.suffix`; empty: any. */
  hosts: string[];
  /** As configured: exact, with `:params`, ending in `/*` for a prefix. */
  path: string;
  /** Upper case; empty: any. */
  methods: string[];
  headers: FieldMatch[];
  query: FieldMatch[];
  scheme: "http" | "https" | null;
  /** Listener names; empty: all. */
  listeners: string[];
}

/** Header names lower case; `present` is the configuration's "*". */
export type FieldMatch =
  | { name: string; kind: "equals"; value: string }
  | { name: string; kind: "present" }
  | { name: string; kind: "regex"; source: string };

export type RouteAction =
  | {
      kind: "forward";
      /** One entry unless the route splits its traffic. */
      targets: Array<{ upstream: string; weight: number }>;
      /** What a split stays with; null: each request draws anew. */
      splitBy: HashKeySpec | null;
      stripPath: string | null;
      rewritePath: string | null;
      /** null: by the endpoint (kept for http, replaced for https with a DNS name). */
      preserveHost: boolean | null;
    }
  | { kind: "redirect"; to: string; status: number }
  | { kind: "respond"; status: number; body: string; headers: Array<[string, string]> };
