import type { UpstreamSpec } from "../../model/snapshot-spec.ts";
import { endpointId } from "../../proxy/upstream/endpoint.ts";
import type { AdminPorts } from "./admin-ports.ts";
import type { ObjectShape, ShownObject } from "./config-objects.ts";
import { Problem } from "./problem.ts";
import { entryOf } from "./shown-config.ts";

export const UPSTREAMS: ObjectShape = {
  kind: "upstream",
  path: "/api/upstreams",
  nameFor() {
    throw new Problem(422, "invalid_configuration", { detail: "an upstream has a name: routes refer to it" });
  },
  list: (ports) => ports.spec.upstreams.map((upstream) => shownUpstream(upstream, ports)),
};

function shownUpstream(upstream: UpstreamSpec, ports: AdminPorts): ShownObject {
  const { name, endpoints, balance, protocol } = upstream;
  return {
    id: name,
    name,
    protocol,
    balance: balance.policy,
    endpoints: endpoints.map((endpoint) => ({ url: endpointId(endpoint), weight: endpoint.weight })),
    origin: originOf(name, ports),
  };
}

function originOf(name: string, ports: AdminPorts): string {
  if (ports.stored.get("upstream", name) !== null) return "store";
  const provider = /@(.+)$/.exec(name)?.[1];
  if (provider !== undefined) return provider;
  // An address that a route names makes one of its own.
  return entryOf("upstream", name, ports) === null && ports.config.backend === undefined ? "route" : "file";
}
