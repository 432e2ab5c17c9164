import type { RouteInfo } from "../../model/exchange.ts";
import type { RouteAction, RouteSpec } from "../../model/snapshot-spec.ts";
import type { CompiledLimits } from "../limits/rate-gate.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Upstream } from "../upstream/upstream.ts";

export interface RouteParts {
  readonly pipeline: Pipeline | null;
  readonly limits: CompiledLimits | null;
}

/** A compiled route: what its specification says, with names replaced by what they name. */
export class Route implements RouteInfo {
  readonly id: string;
  readonly slot: number;
  readonly spec: RouteSpec;
  readonly action: CompiledAction;
  readonly labels: Readonly<Record<string, string>>;
  /** null: no plugin stands before it. */
  readonly pipeline: Pipeline | null;
  /** null: it has no rate limits. */
  readonly limits: CompiledLimits | null;

  constructor(spec: RouteSpec, action: CompiledAction, { pipeline, limits }: RouteParts) {
    this.id = spec.id;
    this.slot = spec.slot;
    this.spec = spec;
    this.action = action;
    this.labels = spec.labels;
    this.pipeline = pipeline;
    this.limits = limits;
  }
}

export type ForwardSpec = Extract<RouteAction, { kind: "forward" }>;

/** Where a forwarding route sends a request and as what. */
export interface ForwardAction {
  readonly kind: "forward";
  readonly route: RouteSpec;
  readonly spec: ForwardSpec;
  /** The only upstream, or null where the route splits its traffic. */
  readonly only: Upstream | null;
  readonly targets: ReadonlyArray<{ readonly upstream: Upstream; readonly weight: number }>;
  /** False: the target goes on untouched, and nobody asks `rewrite`. */
  readonly rewrites: boolean;
}

export type CompiledAction = ForwardAction | Exclude<RouteAction, { kind: "forward" }>;
