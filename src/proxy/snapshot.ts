import type { Exchange } from "../model/exchange.ts";
import type { Clock, ProxyEvent, Random } from "../model/ports.ts";
import type { RouteAction, RouteSpec, SnapshotSpec, UpstreamSpec } from "../model/snapshot-spec.ts";
import { AddressSet } from "./client-address.ts";
import { type Admissions, compileGates, type RouteGates } from "./limits/admission.ts";
import type { RateDeciders } from "./limits/rate-deciders.ts";
import { RateGate } from "./limits/rate-gate.ts";
import type { HookEnvironment } from "./pipeline/hook-environment.ts";
import type { PluginHost } from "./pipeline/plugin-host.ts";
import type { PluginSet } from "./pipeline/plugin-set.ts";
import { Route, type CompiledAction, type ForwardAction } from "./routing/route.ts";
import { RouteMatcher } from "./routing/route-matcher.ts";
import { pickSplit } from "./routing/split.ts";
import type { Ticker } from "./ticker.ts";
import { createBalancer } from "./upstream/balancing/create-balancer.ts";
import { Sticky } from "./upstream/balancing/sticky.ts";
import { DialGuard } from "./upstream/dial-guard.ts";
import type { EndpointRegistry } from "./upstream/endpoint-registry.ts";
import type { HealthRegistry } from "./upstream/health/health-registry.ts";
import type { TransportRegistry, TransportLease } from "./upstream/transport/transport-registry.ts";
import { Upstream } from "./upstream/upstream.ts";

/** What outlives every snapshot and is shared by them. */
export interface SnapshotDeps {
  readonly endpoints: EndpointRegistry;
  readonly transports: TransportRegistry;
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly random: Random;
  readonly health: HealthRegistry;
  readonly admissions: Admissions;
  readonly rates: RateDeciders;
  readonly plugins: PluginSet;
  readonly host: PluginHost;
  event(event: ProxyEvent): void;
}

/** One compiled configuration: everything a request needs, immutable but for the live state it refers to. */
export class Snapshot {
  readonly version: number;
  readonly spec: SnapshotSpec;
  readonly routes: readonly Route[];
  readonly matcher: RouteMatcher<Route>;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly trusted: AddressSet;
  /** `security.blockedIPs` */
  readonly blocked: AddressSet;
  readonly guard: DialGuard;
  readonly clock: Clock;
  readonly random: Random;
  readonly ticker: Ticker;
  readonly plugins: PluginSet;
  /** What hooks share. */
  readonly hooks: HookEnvironment;
  readonly rates: RateGate;
  readonly admissions: Admissions;
  /** Is there any limit on what is in flight? */
  readonly hasGates: boolean;
  readonly #gates = new Map<Route, Map<string, RouteGates | null>>();
  readonly #deps: SnapshotDeps;
  readonly #leases: TransportLease[] = [];

  /** @throws nothing for a specification that control has validated; half-taken leases are given back if it does. */
  constructor(spec: SnapshotSpec, deps: SnapshotDeps) {
    this.version = spec.version;
    this.spec = spec;
    this.clock = deps.clock;
    this.ticker = deps.ticker;
    this.random = deps.random;
    this.#deps = deps;
    this.plugins = deps.plugins;
    this.hooks = {
      clock: deps.clock,
      ticker: deps.ticker,
      host: deps.host,
      serverTiming: spec.plugins.serverTiming,
      showErrors: spec.plugins.showErrors,
      event: (event) => deps.event(event),
      hasUpstream: (name) => this.upstreams.has(name),
    };
    this.rates = new RateGate(spec.rateLimits, deps.rates, (event) => deps.event(event));
    this.admissions = deps.admissions;
    this.hasGates =
      spec.admission.maxInFlight !== null ||
      spec.routes.some(({ maxInFlight }) => maxInFlight !== null) ||
      spec.upstreams.some(({ admission }) => admission !== null);
    this.trusted = new AddressSet(spec.trustedProxies);
    this.blocked = new AddressSet(spec.blockedIPs);
    this.guard = new DialGuard(spec.blockedIPs, spec.allowedHosts, () => deps.clock.now()).sparing(spec.neverDial);
    this.upstreams = new Map(spec.upstreams.map((upstream) => [upstream.name, this.#compileUpstream(upstream)]));
    this.routes = spec.routes.map((route) => this.#compileRoute(route));
    this.matcher = new RouteMatcher(this.routes);
  }

  /** Puts into force what lives in shared objects: after the swap, so that a refused version changes nothing. */
  activate(): void {
    const now = this.clock.now();
    for (const upstream of this.upstreams.values()) {
      upstream.endpoints.forEach((endpoint, i) => {
        const weight = upstream.spec.endpoints[i]!.weight;
        endpoint.slot = upstream.spec.endpointSlots[i] ?? -1;
        if (endpoint.baseWeight !== weight) this.#deps.endpoints.update(endpoint, { weight }, now);
      });
    }
    this.#deps.admissions.update(this.spec);
    this.#deps.health.configure(this.upstreams.values(), now);
  }

  /** Gives back what this snapshot shares; what the next one does not use any more closes when it is idle. */
  retire(): void {
    for (const upstream of this.upstreams.values()) {
      for (const endpoint of upstream.endpoints) this.#deps.endpoints.release(endpoint);
    }
    for (const lease of this.#leases) lease.release();
    this.rates.retire();
    this.plugins.retire();
  }

  splitTarget(action: ForwardAction, exchange: Exchange): Upstream {
    return pickSplit(action.targets, action.spec.splitBy, exchange, this.#deps.random).upstream;
  }

  /** The places that a request of `route` to `upstream` needs; null: none is limited. */
  gatesOf(route: Route, upstream: string): RouteGates | null {
    let ofRoute = this.#gates.get(route);
    if (ofRoute === undefined) this.#gates.set(route, (ofRoute = new Map()));
    let gates = ofRoute.get(upstream);
    if (gates === undefined) {
      gates = compileGates(this.spec, route.spec, this.upstreams.get(upstream)!.spec);
      ofRoute.set(upstream, gates);
    }
    return gates;
  }

  #compileRoute(spec: RouteSpec): Route {
    return new Route(spec, this.#compileAction(spec, spec.action), {
      pipeline: this.plugins.pipelineOf(spec.plugins),
      limits: this.rates.compile(spec.rateLimits),
    });
  }

  #compileUpstream(spec: UpstreamSpec): Upstream {
    const endpoints = spec.endpoints.map((endpoint) => this.#deps.endpoints.acquire(spec.name, endpoint));
    const lease = this.#deps.transports.acquire(spec, this.spec);
    this.#leases.push(lease);
    const balancer = createBalancer(spec.balance, endpoints, this.#deps.random);
    const sticky = spec.sticky === null ? null : new Sticky(spec.sticky.cookie, endpoints, balancer);
    return new Upstream({
      spec,
      endpoints,
      registry: this.#deps.endpoints,
      balancer,
      sticky,
      transports: lease.transports,
      health: this.#deps.health.of(spec, this.spec.workers),
    });
  }

  #compileAction(route: RouteSpec, action: RouteAction): CompiledAction {
    if (action.kind !== "forward") return action;
    const targets = action.targets.map(({ upstream, weight }) => {
      const compiled = this.upstreams.get(upstream);
      if (compiled === undefined) throw new Error(`route ${route.id} names an unknown upstream ${upstream}`);
      return { upstream: compiled, weight };
    });
    const only = targets.length === 1 ? targets[0]!.upstream : null;
    const rewrites = action.stripPath !== null || action.rewritePath !== null;
    return { kind: "forward", route, spec: action, only, targets, rewrites };
  }
}
