import { GatewayError } from "../../model/gateway-error.ts";
import type { ActiveCheckSpec, EndpointSpec } from "../../model/snapshot-spec.ts";
import type { DialGuard } from "../../proxy/upstream/dial-guard.ts";
import { Endpoint } from "../../proxy/upstream/endpoint.ts";
import { FetchLinks } from "../../proxy/upstream/transport/fetch-links.ts";
import type { CheckedUpstream, CreateProbe, Probe, ProbeResult } from "./check-spec.ts";
import { askHttp } from "./http-probe.ts";
import { askTcp } from "./tcp-probe.ts";

const PLAIN_WORDS: Readonly<Record<string, string>> = {
  ConnectionRefused: "connection refused",
  ECONNREFUSED: "connection refused",
  FailedToOpenSocket: "no connection",
  ECONNRESET: "connection closed before a reply",
  ConnectionClosed: "connection closed before a reply",
  ENOENT: "no such socket",
  Malformed_HTTP_Response: "the reply is not HTTP",
};

/**
 * Probes through real sockets. What may not be dialled is not checked either: the guard is the same as for traffic, and the address
 * it has checked is the one that is dialled.
 */
export function createProbes(guard: Pick<DialGuard, "check">): CreateProbe {
  return (checked, spec) => probeOf(checked, spec, guard);
}

function probeOf({ upstream, active }: CheckedUpstream, spec: EndpointSpec, guard: Pick<DialGuard, "check">): Probe {
  const port = spec.port === 0 ? 0 : (active.port ?? spec.port);
  const endpoint = new Endpoint(upstream.name, { ...spec, port });
  const links = new FetchLinks(upstream);
  const ask = (address: string, signal: AbortSignal): Promise<ProbeResult> =>
    active.kind === "tcp"
      ? askTcp(endpoint.port === 0 ? { unix: endpoint.host } : { hostname: address, port }, signal)
      : askHttp(
          {
            check: active,
            link: links.to(endpoint, address),
            authority: endpoint.authority,
            protocol: upstream.protocol,
          },
          signal,
        );
  return async (signal) => {
    const addresses = await guard.check(endpoint);
    if (addresses instanceof GatewayError) return { ok: false, reason: addresses.detail };
    return askEach(addresses, (address) => ask(address, signal), active.kind);
  };
}

/** The first address that is there at all decides, as it does for traffic. */
async function askEach(
  addresses: readonly string[],
  ask: (address: string) => Promise<ProbeResult>,
  kind: ActiveCheckSpec["kind"],
): Promise<ProbeResult> {
  let reason = "no address";
  for (const address of addresses) {
    try {
      return await ask(address);
    } catch (cause) {
      reason = `${kind === "tcp" ? "TCP" : "HTTP"} check: ${wordsFor(cause)}`;
    }
  }
  return { ok: false, reason };
}

function wordsFor(cause: unknown): string {
  const { code, message } = cause as { code?: unknown; message?: string };
  const known = typeof code === "string" ? (PLAIN_WORDS[code] ?? code) : undefined;
  return known ?? message ?? String(cause);
}
