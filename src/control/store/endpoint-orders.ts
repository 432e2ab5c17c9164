import type { EndpointSpec } from "../../model/snapshot-spec.ts";
import { endpointId } from "../../proxy/upstream/endpoint.ts";
import type { StoredObject } from "./store.ts";

/** What an operator says of an endpoint, beside its configuration. */
export interface EndpointOrder {
  readonly upstream: string;
  /** As `endpointId` has it. */
  readonly endpoint: string;
  /** null: as configured. */
  readonly weight: number | null;
  readonly draining: boolean;
}

/** What orders are about. */
interface Ordered {
  readonly upstreams: ReadonlyArray<{ readonly name: string; readonly endpoints: readonly EndpointSpec[] }>;
}

/** The specification with what operators say. Orders for endpoints that are not there wait until they are. */
export function applyOrders<S extends Ordered>(spec: S, orders: readonly StoredObject[]): S {
  if (orders.length === 0) return spec;
  const known = new Map(orders.map(({ value }) => [keyOf(value as EndpointOrder), value as EndpointOrder]));
  const upstreams = spec.upstreams.map((upstream) => ({
    ...upstream,
    endpoints: upstream.endpoints.map((endpoint) => {
      const order = known.get(keyOf({ upstream: upstream.name, endpoint: endpointId(endpoint) }));
      if (order === undefined) return endpoint;
      // With no weight it takes nothing new, and what runs finishes.
      return { ...endpoint, weight: order.draining ? 0 : (order.weight ?? endpoint.weight) };
    }),
  }));
  return { ...spec, upstreams };
}

function keyOf({ upstream, endpoint }: Pick<EndpointOrder, "upstream" | "endpoint">): string {
  return `${upstream} ${endpoint}`;
}
