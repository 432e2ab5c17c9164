import type { ProxyEvent } from "../../../model/ports.ts";
import type { UpstreamSpec } from "../../../model/snapshot-spec.ts";
import type { SharedState } from "../../shared-state.ts";
import type { Ticked, Ticker } from "../../ticker.ts";
import type { Endpoint } from "../endpoint.ts";
import type { EndpointRegistry } from "../endpoint-registry.ts";
import type { Upstream } from "../upstream.ts";
import { type HealthReason, healthView } from "./health-state.ts";
import { UpstreamHealth } from "./upstream-health.ts";

export interface HealthRegistryParts {
  readonly endpoints: EndpointRegistry;
  readonly shared: SharedState;
  readonly ticker: Ticker;
  event(event: ProxyEvent): void;
}

/** What the control plane's checks found out about one endpoint. */
export interface EndpointVerdict {
  readonly upstream: string;
  readonly endpoint: string;
  readonly healthy: boolean;
  readonly reason: string;
  /** Ms since the epoch. */
  readonly at: number;
}

/** For people: whether an endpoint takes traffic, and who says so. */
export interface EndpointHealthView {
  readonly upstream: string;
  readonly endpoint: string;
  readonly standing: string;
  readonly inFlight: number;
  readonly reasons: readonly HealthReason[];
}

/** The health of every upstream of this worker, by name; judged on each tick of the coarse clock. */
export class HealthRegistry implements Ticked {
  tickSlot = -1;
  readonly #parts: HealthRegistryParts;
  readonly #all = new Map<string, UpstreamHealth>();
  /** Verdicts of checks, also for endpoints that are about to be configured. */
  readonly #verdicts = new Map<string, EndpointVerdict>();
  #now: number;

  constructor(parts: HealthRegistryParts) {
    this.#parts = parts;
    this.#now = parts.ticker.now;
    parts.ticker.add(this);
  }

  of(spec: UpstreamSpec, workers: number): UpstreamHealth {
    let health = this.#all.get(spec.name);
    if (health === undefined) {
      const { shared } = this.#parts;
      const judge = (endpoint: Endpoint) => this.#parts.endpoints.judge(endpoint, this.#now);
      const event = (what: ProxyEvent) => this.#parts.event(what);
      health = new UpstreamHealth(spec, { shared, workers, event, judge });
      this.#all.set(spec.name, health);
    }
    return health;
  }

  /** A version was committed: these are all the upstreams there are. */
  configure(upstreams: Iterable<Upstream>, now: number): void {
    this.#now = now;
    const names = new Set<string>();
    for (const upstream of upstreams) {
      names.add(upstream.name);
      upstream.health.configure(upstream.spec, upstream.endpoints);
      for (const endpoint of upstream.endpoints) this.#adopt(endpoint);
      upstream.health.tick(now);
    }
    for (const name of this.#all.keys()) if (!names.has(name)) this.#all.delete(name);
    for (const [key, { upstream }] of this.#verdicts) if (!names.has(upstream)) this.#verdicts.delete(key);
  }

  verdict(verdict: EndpointVerdict): void {
    this.#verdicts.set(keyOf(verdict.upstream, verdict.endpoint), verdict);
    for (const endpoint of this.#parts.endpoints)
      if (endpoint.upstream === verdict.upstream && endpoint.id === verdict.endpoint) this.#adopt(endpoint);
  }

  onTick(now: number): void {
    this.#now = now;
    for (const health of this.#all.values()) health.tick(now);
  }

  view(): EndpointHealthView[] {
    return [...this.#parts.endpoints].map((endpoint) => ({
      upstream: endpoint.upstream,
      endpoint: endpoint.id,
      inFlight: endpoint.inFlight,
      ...healthView(endpoint, this.#now),
    }));
  }

  #adopt(endpoint: Endpoint): void {
    const verdict = this.#verdicts.get(keyOf(endpoint.upstream, endpoint.id));
    if (verdict === undefined || endpoint.active === "off") return;
    const wasHealthy = endpoint.active === null || endpoint.active.healthy;
    endpoint.active = verdict;
    if (verdict.healthy && !wasHealthy) {
      endpoint.recoveredAt = this.#now;
      // Before it is picked: its share is small at first.
      this.#all.get(endpoint.upstream)?.tick(this.#now);
    }
    this.#parts.endpoints.judge(endpoint, this.#now);
  }
}

function keyOf(upstream: string, endpoint: string): string {
  return `${upstream} ${endpoint}`;
}
