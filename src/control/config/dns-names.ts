import type { EndpointSpec } from "../../model/snapshot-spec.ts";
import { type DnsSpec, parseDnsSpec } from "../discovery/dns/dns-spec.ts";
import type { BuildContext } from "./build-context.ts";
import type { ConfigPath } from "./diagnostics.ts";
import type { UpstreamConfig } from "./schema-upstreams.ts";

/** The endpoints that a name leads to at the moment: none while nobody has answered. */
export function resolvedEndpoints(
  text: string,
  weight: number,
  path: ConfigPath,
  context: BuildContext,
): EndpointSpec[] {
  const spec = parseDnsSpec(text);
  if (typeof spec === "string") {
    context.error(path, spec);
    return [];
  }
  context.dns.set(spec.key, spec);
  const found = context.resolved.get(spec.key)?.endpoints ?? [];
  // Nobody wrote these addresses: they are dialled with the care that names get.
  return found.map(({ scheme, host, port, weight: share }) => {
    const name = nameOf(spec);
    return { scheme, host, port, weight: weight * share, basePath: "", discovered: true, name };
  });
}

/** Whom a TLS endpoint of a name must prove to be; null: nobody says, or there is no such endpoint. */
export function serverNameOf(config: UpstreamConfig, path: ConfigPath, context: BuildContext): string | null {
  const names = new Set<string>();
  for (const endpoint of config.endpoints ?? []) {
    const spec = endpoint?.dns === undefined ? null : parseDnsSpec(endpoint.dns);
    if (spec !== null && typeof spec !== "string" && spec.scheme === "https") names.add(nameOf(spec));
  }
  if (names.size > 1)
    context.error(
      [...path, "tls", "serverName"],
      "endpoints have different names",
      "give tls.serverName, or an upstream for each",
    );
  const [name] = names;
  return names.size === 1 ? name! : null;
}

/**
 * What the operator's word is: of a service, the domain it belongs to. The targets in its records are DNS's word, which anybody may have
 * said (RFC 6125 §6.2.1).
 */
function nameOf({ kind, name }: DnsSpec): string {
  return kind === "srv" ? name.replace(/^_[^.]+\._[^.]+\./, "") : name;
}
