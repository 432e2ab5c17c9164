/** What one limit counts by; several make one key. */
export type RateKeySpec = { kind: "clientIp" | "route" | "identity" } | { kind: "header" | "claim"; name: string };

export interface RateLimitSpec {
  /** Unique and stable over versions: the counts hang on it. Also the policy's name in `RateLimit-Policy`. */
  name: string;
  /** Requests in a window. */
  max: number;
  windowMs: number;
  /** How many of them may come at once. */
  burst: number;
  by: RateKeySpec[];
  mode: "enforce" | "shadow";
  /** Shown in refusals; null: none. */
  message: string | null;
}

export interface RateLimitsSpec {
  /** Where machines count together; null: each for itself. */
  redis: RateRedisSpec | null;
  /** Keys that this machine remembers, at least. Memory is taken once, at the start. */
  maxKeys: number;
  /** Before routing, for all requests of a client together; null: none. */
  global: RateLimitSpec | null;
}

export interface RateRedisSpec {
  url: string;
  /** How long a decision may take before it is made here. */
  timeoutMs: number;
}

/** A shared count of what is in flight. */
export interface GateSpec {
  /** Of the count in shared memory; stays with the name across versions. */
  slot: number;
  max: number;
}

export interface AdmissionSpec {
  /** In this process tree; null: any number. */
  maxInFlight: GateSpec | null;
  /** Shares of the memory limit from which the less important classes are refused, and all are; null: off. */
  memory: { low: number; all: number } | null;
}

export interface UpstreamAdmissionSpec {
  gate: GateSpec;
  /** Requests that wait for a place, and how long. */
  queue: { max: number; waitMs: number };
  /** Finds the limit itself, by latency, up to `gate.max`. */
  adaptive: boolean;
}
