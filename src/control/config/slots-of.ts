import type { SnapshotSpec } from "../../model/snapshot-spec.ts";

/** How many counter slots a specification needs: of routes, endpoints, and the one for what matched no route. */
export function slotsOf({ routes, upstreams }: SnapshotSpec): number {
  let most = 0;
  for (const { slot } of routes) most = Math.max(most, slot);
  for (const { endpointSlots } of upstreams) for (const slot of endpointSlots) most = Math.max(most, slot);
  return most + 1;
}
