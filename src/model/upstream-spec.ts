import type { UpstreamAdmissionSpec } from "./traffic-spec.ts";

export interface UpstreamSpec {
  name: string;
  endpoints: EndpointSpec[];
  protocol: "http1" | "http2" | "http3";
  tls: UpstreamTlsSpec;
  balance: BalanceSpec;
  sticky: { cookie: string } | null;
  retries: RetrySpec;
  timeouts: UpstreamTimeoutsSpec;
  limits: { maxConnections: number; maxPending: number };
  health: HealthSpec;
  /** Of the upstream as a whole, and of each endpoint; null: none. */
  breaker: { upstream: BreakerSpec | null; endpoint: BreakerSpec | null };
  /** Where the breakers' shared words are: the upstream's, then one for each of `endpoints`; given by the control plane. */
  breakerSlot: number;
  endpointBreakerSlots: number[];
  /** Counter slots, one for each of `endpoints`; given by the control plane. */
  endpointSlots: number[];
  /** How many may be in flight at all of its endpoints together, and who waits; null: no limit beside `limits`. */
  admission: UpstreamAdmissionSpec | null;
}

export interface EndpointSpec {
  scheme: "http" | "https";
  /** A name or an address, without brackets; the path of a unix socket when `port` is 0. */
  host: string;
  port: number;
  weight: number;
  /** Put before every forwarded path; "" for none, else it starts with "/" and does not end with one. */
  basePath: string;
  /** Named by discovery, registration or a plugin: it may not lead to metadata services, link-local addresses or unix sockets. */
  discovered?: boolean;
  /** The name that led to the address `host`; undefined: what is dialled is what is named. */
  name?: string;
}

/** PEM texts, already read. */
export interface UpstreamTlsSpec {
  ca: string | null;
  cert: string | null;
  key: string | null;
  serverName: string | null;
  insecure: boolean;
}

export type BalanceSpec =
  | { policy: "round-robin" | "least-connections" | "p2c" | "ewma" | "random" | "failover" }
  | { policy: "hash"; by: HashKeySpec };

export type HashKeySpec =
  { kind: "clientIp" } | { kind: "path" } | { kind: "header" | "cookie" | "query"; name: string };

export interface RetrySpec {
  /** Attempts after the first. */
  max: number;
  on: RetryReasonsSpec;
  perTryMs: number | null;
  budget: { ratio: number; minPerSecond: number; windowMs: number };
  backOff: { baseMs: number; maxMs: number; maxRetryAfterMs: number };
  /** A second attempt is sent beside an idempotent one that has no reply after so long; null: never. */
  hedgeAfterMs: number | null;
  /** A request body up to here is kept, so that it can be sent again. */
  replayBytes: number;
}

/** Beside what provably was not processed, which is always safe to send again. */
export interface RetryReasonsSpec {
  /** Idempotent requests whose connection failed, was reset, or brought no valid reply. */
  reset: boolean;
  timeout: boolean;
  /** Idempotent requests that were answered so. */
  statuses: number[];
}

export interface HealthSpec {
  active: ActiveCheckSpec | null;
  passive: PassiveHealthSpec | null;
  slowStart: { windowMs: number; from: number; aggression: number } | null;
  /** 0 to 1: when less than this share is available, the suspects are used, too; null: never. */
  panicBelow: number | null;
}

/** Both ends included. */
export type StatusRangeSpec = [from: number, to: number];

/** How the endpoints of an upstream are checked; once for all workers, by the control plane. */
export type ActiveCheckSpec = HttpCheckSpec | TcpCheckSpec;

interface CheckTimesSpec {
  /** From the start of one check to the start of the next, give or take a tenth. */
  intervalMs: number;
  timeoutMs: number;
  /** Results in a row that change a verdict. The first result of all decides alone. */
  healthyAfter: number;
  unhealthyAfter: number;
  /** null: the endpoint's own. */
  port: number | null;
}

export interface TcpCheckSpec extends CheckTimesSpec {
  kind: "tcp";
}

export interface HttpCheckSpec extends CheckTimesSpec {
  kind: "http";
  path: string;
  method: string;
  /** null: the endpoint's authority. */
  host: string | null;
  headers: Array<[name: string, value: string]>;
  expect: StatusRangeSpec[];
  body: { contains: string } | { regex: string } | null;
}

/** What real traffic says about an endpoint; null: that test is off. */
export interface PassiveHealthSpec {
  consecutive5xx: number | null;
  consecutiveGatewayErrors: number | null;
  /** 0 to 1 */
  failureRatio: number | null;
  minimumRequests: number;
  intervalMs: number;
  slow: { factor: number; atLeastMs: number; minimumRequests: number } | null;
  ejectMs: number;
  maxEjectMs: number;
  /** 0 to 1 */
  maxEjected: number;
}

export interface BreakerSpec {
  consecutiveFailures: number | null;
  failures: number | null;
  /** 0 to 1 */
  failureRatio: number | null;
  minimumRequests: number;
  windowMs: number;
  openMs: number;
  halfOpenRequests: number;
  successThreshold: number;
  /** A slower reply is a failure. */
  slowMs: number | null;
  /** A probe not heard of for so long is given up. */
  probeMs: number;
}

export interface UpstreamTimeoutsSpec {
  connectMs: number;
  /** From the request's end to the reply's head. */
  firstByteMs: number;
  /** Between two reads of a reply body. */
  idleMs: number;
  /** Of the whole exchange; null: none. */
  totalMs: number | null;
}
