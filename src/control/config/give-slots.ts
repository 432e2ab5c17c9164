import type { GateSpec, SnapshotSpec, UpstreamSpec } from "../../model/snapshot-spec.ts";
import { BREAKER_SLOTS, GATES } from "../../proxy/shared-state.ts";
import { endpointId } from "../../proxy/upstream/endpoint.ts";
import type { BuildContext } from "./build-context.ts";
import type { UnslottedSpec } from "./build-spec.ts";
import type { SlotTable } from "./slot-table.ts";

/** What is shared has a fixed size: more than fits is an error. Takes no slot. */
export function checkSlots(spec: UnslottedSpec, context: BuildContext): void {
  const breakers = new Set(spec.upstreams.flatMap(breakerNames)).size;
  if (breakers > BREAKER_SLOTS) {
    const message = `${breakers} circuit breakers, of upstreams and endpoints together: there may be ${BREAKER_SLOTS}`;
    context.error(["upstreams"], message, "scope: upstream takes one for each upstream");
  }
  const gates = new Set(gateNames(spec)).size;
  if (gates > GATES) {
    const message = `${gates} limits called maxInFlight or adaptive: there may be ${GATES}`;
    context.error([], message, "limit upstreams instead of their routes");
  }
}

/** The complete specification. What is known by the same name as before keeps its place in what is shared, and so its state. */
export function giveSlots(spec: UnslottedSpec, slots: SlotTable): Omit<SnapshotSpec, "version"> {
  const breakers = slots.breakers.give(spec.upstreams.flatMap(breakerNames));
  const gates = slots.gates.give(gateNames(spec));
  const placed = (gate: GateSpec | null, name: string): GateSpec | null =>
    gate === null ? null : { ...gate, slot: gates.get(name)! };
  // Routes first: there are few of them beside endpoints that come and go.
  const routes = spec.routes.map((route) => ({
    ...route,
    slot: slots.slotOf("route", route.id),
    maxInFlight: placed(route.maxInFlight, gateOfRoute(route)),
  }));
  return {
    ...spec,
    admission: { ...spec.admission, maxInFlight: placed(spec.admission.maxInFlight, PROCESS) },
    upstreams: spec.upstreams.map((upstream) => ({
      ...upstream,
      breakerSlot: breakers.get(upstream.name) ?? 0,
      endpointBreakerSlots: upstream.endpoints.map((endpoint) => breakers.get(breakerOf(upstream, endpoint)) ?? 0),
      endpointSlots: upstream.endpoints.map((endpoint) => slots.slotOf("endpoint", breakerOf(upstream, endpoint))),
      admission:
        upstream.admission === null
          ? null
          : { ...upstream.admission, gate: placed(upstream.admission.gate, gateOfUpstream(upstream))! },
    })),
    routes,
  };
}

function breakerNames(upstream: UpstreamSpec): string[] {
  const own = upstream.breaker.upstream === null ? [] : [upstream.name];
  if (upstream.breaker.endpoint === null) return own;
  return [...own, ...upstream.endpoints.map((endpoint) => breakerOf(upstream, endpoint))];
}

/** Names hold no spaces: none of these is another's. */
function breakerOf({ name }: UpstreamSpec, endpoint: UpstreamSpec["endpoints"][number]): string {
  return `${name} ${endpointId(endpoint)}`;
}

const PROCESS = "process";
const gateOfUpstream = ({ name }: UpstreamSpec) => `upstream ${name}`;
const gateOfRoute = ({ id }: { id: string }) => `route ${id}`;

function gateNames({ admission, upstreams, routes }: UnslottedSpec): string[] {
  return [
    ...(admission.maxInFlight === null ? [] : [PROCESS]),
    ...upstreams.filter((upstream) => upstream.admission !== null).map(gateOfUpstream),
    ...routes.filter((route) => route.maxInFlight !== null).map(gateOfRoute),
  ];
}
