import type { Exchange } from "../../model/exchange.ts";
import type { UpstreamSpec } from "../../model/snapshot-spec.ts";
import type { Balancer } from "./balancing/balancer.ts";
import type { Sticky } from "./balancing/sticky.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Standing } from "./health/health-state.ts";
import { usableOf } from "./health/panic.ts";
import type { UpstreamHealth } from "./health/upstream-health.ts";
import type { EndpointRegistry } from "./endpoint-registry.ts";
import type { Transport } from "./transport/transport.ts";

export interface UpstreamParts {
  readonly spec: UpstreamSpec;
  readonly endpoints: readonly Endpoint[];
  readonly registry: EndpointRegistry;
  readonly balancer: Balancer;
  readonly sticky: Sticky | null;
  readonly transports: Transports;
  readonly health: UpstreamHealth;
}

/** By what the exchange's edge can carry: bytes from socket to socket, or web-standard streams. */
export interface Transports {
  readonly wire: Transport;
  readonly fetch: Transport;
}

/** A named service we forward to, as one snapshot sees it: shared endpoints and transport, a balancer of its own. */
export class Upstream {
  readonly name: string;
  readonly spec: UpstreamSpec;
  readonly endpoints: readonly Endpoint[];
  readonly balancer: Balancer;
  readonly sticky: Sticky | null;
  readonly health: UpstreamHealth;
  readonly #transports: Transports;
  readonly #registry: EndpointRegistry;
  readonly #maxInFlight: number;
  #available: readonly Endpoint[] = [];
  #seen = 0;

  constructor(parts: UpstreamParts) {
    this.name = parts.spec.name;
    this.spec = parts.spec;
    this.endpoints = parts.endpoints;
    this.balancer = parts.balancer;
    this.sticky = parts.sticky;
    this.health = parts.health;
    this.#transports = parts.transports;
    this.#registry = parts.registry;
    this.#maxInFlight = parts.spec.limits.maxConnections + parts.spec.limits.maxPending;
  }

  /** Only who learns from attempts, or limits them, pays for reading the clock. */
  get isTimed(): boolean {
    const { retries, admission } = this.spec;
    const isLearning = this.health.isTracking || this.balancer.observe !== undefined;
    return isLearning || retries.perTryMs !== null || admission !== null;
  }

  /** A raw tunnel needs HTTP/1.1 also where other requests go by HTTP/2: RFC 8441 is not spoken by `fetch`. */
  transportFor(exchange: Exchange): Transport {
    const bytes = exchange.edge === "wire" && (this.spec.protocol === "http1" || exchange.upgrade !== null);
    return bytes ? this.#transports.wire : this.#transports.fetch;
  }

  /** What may be picked from; the list's identity changes only with its content. */
  get available(): readonly Endpoint[] {
    if (this.#seen !== this.#registry.version) {
      this.#seen = this.#registry.version;
      const now = usableOf(this.endpoints, standingOf, this.spec.health.panicBelow).members;
      if (now.length !== this.#available.length || now.some((e, i) => e !== this.#available[i])) this.#available = now;
    }
    return this.#available;
  }

  /** @param tried endpoints this exchange has failed at; null: none yet. @returns null when nothing may be picked. */
  pick(exchange: Exchange, tried: readonly Endpoint[] | null): Endpoint | null {
    const available = this.available;
    if (available.length === 0) return null;
    if (tried === null) {
      const first = this.#choose(available, exchange);
      if (first.inFlight < this.#maxInFlight) return first;
    }
    const rest = available.filter((e) => e.inFlight < this.#maxInFlight && (tried === null || !tried.includes(e)));
    return rest.length === 0 ? null : this.#choose(rest, exchange);
  }

  #choose(candidates: readonly Endpoint[], exchange: Exchange): Endpoint {
    return this.sticky === null ? this.balancer.pick(candidates, exchange) : this.sticky.pick(candidates, exchange);
  }
}

function standingOf(endpoint: Endpoint): Standing {
  return endpoint.standing;
}
