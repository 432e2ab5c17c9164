import type { EndpointSpec } from "../../model/snapshot-spec.ts";
import type { CircuitBreaker } from "./health/circuit-breaker.ts";
import type { ActiveVerdict, HealthSignals, Standing } from "./health/health-state.ts";
import type { OutlierRecord } from "./health/outlier-record.ts";

/** Addresses that may be dialled for an endpoint, as one dial guard saw them. */
export interface DialTarget {
  readonly guard: object;
  readonly addresses: readonly string[];
  /** Monotonic ms after which the name is looked up again. */
  readonly staleAt: number;
}

/** A transport's connections to one endpoint. */
export interface EndpointPool {
  /** Closes idle connections now and the others when their exchange ends. */
  retire(): void;
  /** For people; undefined: its transport does not tell. */
  readonly sizes?: { readonly idle: number; readonly busy: number; readonly waiting: number };
}

/**
 * One address of an upstream and its live state, which outlives the configuration that named it: the registry hands the
 * same object to every snapshot with the same identity (upstream name + scheme + address:port).
 */
export class Endpoint implements HealthSignals {
  readonly id: string;
  readonly upstream: string;
  readonly scheme: "http" | "https";
  readonly host: string;
  /** 0: `host` is the path of a unix socket. */
  readonly port: number;
  readonly basePath: string;
  /** What it is called: `host`, or the name that led to that address. */
  readonly name: string;
  /** Not the operator's word: the dial guard is stricter with it. */
  readonly discovered: boolean;
  /** `host:port` as it stands in a Host field, without a default port. */
  readonly authority: string;
  /** Its share at the moment: less than `baseWeight` while it starts slowly. */
  weight: number;
  /** As configured, or as the operator set it. */
  baseWeight: number;
  /** Attempts whose body has not ended. */
  inFlight = 0;
  draining = false;
  /** What the control plane's checks said last; "off": nobody checks it; null: not yet. */
  active: ActiveVerdict | "off" | null = "off";
  /** Since when checks call it healthy again; -Infinity: they never called it anything else. */
  recoveredAt = Number.NEGATIVE_INFINITY;
  /** How its last attempt went here, as far as it is to blame. */
  hasFailed = false;
  outlier: OutlierRecord | null = null;
  breaker: CircuitBreaker | null = null;
  /** What all of that comes to; kept by the registry. */
  standing: Standing;
  /** Moving average of the time to the reply's head, in ms; kept by the ewma policy. */
  latencyMs = 0;
  latencyAt = 0;
  /** Where its numbers are kept, given by the control plane; -1: nowhere. */
  slot = -1;
  /** What its name resolved to and who checked it; kept by the dial guard. */
  dial: DialTarget | null = null;
  /** Set by the transport that serves this endpoint. */
  pool: EndpointPool | null = null;

  constructor(upstream: string, spec: EndpointSpec) {
    this.id = endpointId(spec);
    this.upstream = upstream;
    this.scheme = spec.scheme;
    this.host = spec.host;
    this.port = spec.port;
    this.basePath = spec.basePath;
    this.name = spec.name ?? spec.host;
    this.discovered = spec.discovered === true;
    this.weight = spec.weight;
    this.baseWeight = spec.weight;
    this.standing = spec.weight > 0 ? "available" : "barred";
    const host = this.name.includes(":") ? `[${this.name}]` : this.name;
    const isDefault = spec.port === (spec.scheme === "https" ? 443 : 80);
    this.authority = spec.port === 0 ? "localhost" : isDefault ? host : `${host}:${spec.port}`;
  }
}

export function endpointId(spec: EndpointSpec): string {
  if (spec.port === 0) return `${spec.scheme}+unix:${spec.host}${spec.basePath}`;
  const host = spec.host.includes(":") ? `[${spec.host}]` : spec.host;
  return `${spec.scheme}://${host}:${spec.port}${spec.basePath}`;
}
