import type { GateSpec, RouteSpec, SnapshotSpec, UpstreamSpec } from "../../model/snapshot-spec.ts";

/** The places that a request of one route to one upstream needs, from the outermost to the innermost. */
export interface RouteGates {
  readonly process: GateSpec | null;
  readonly route: GateSpec | null;
  /** Of the route, for people. */
  readonly routeId: string;
  /** Whose place it needs; null: that upstream has no limit. */
  readonly upstream: string | null;
  /** 0 is the most important class. */
  readonly importance: number;
}

/** @returns null when nothing is limited */
export function compileGates(
  spec: Pick<SnapshotSpec, "admission">,
  route: Pick<RouteSpec, "id" | "maxInFlight" | "importance">,
  upstream: Pick<UpstreamSpec, "name" | "admission">,
): RouteGates | null {
  const process = spec.admission.maxInFlight;
  if (process === null && route.maxInFlight === null && upstream.admission === null) return null;
  return {
    process,
    route: route.maxInFlight,
    routeId: route.id,
    upstream: upstream.admission === null ? null : upstream.name,
    importance: route.importance,
  };
}
