import type {
  ActiveCheckSpec,
  EndpointSpec,
  HttpCheckSpec,
  TcpCheckSpec,
  UpstreamSpec,
} from "../../src/model/snapshot-spec.ts";
import type { CheckedUpstream } from "../../src/control/health/check-spec.ts";

const TIMES = { intervalMs: 10_000, timeoutMs: 2_000, healthyAfter: 2, unhealthyAfter: 3, port: null };

export const TCP_CHECK: TcpCheckSpec = { kind: "tcp", ...TIMES };

export function httpCheck(parts: Partial<Omit<HttpCheckSpec, "kind">> | Partial<ActiveCheckSpec> = {}): HttpCheckSpec {
  const defaults = {
    path: "/",
    method: "GET",
    host: null,
    headers: [],
    expect: [[200, 399] as [number, number]],
    body: null,
  };
  return { ...TIMES, ...defaults, ...parts, kind: "http" };
}

export interface CheckedParts {
  readonly ports?: readonly number[];
  readonly endpoint?: Partial<EndpointSpec>;
  readonly tls?: Partial<UpstreamSpec["tls"]>;
  readonly active?: ActiveCheckSpec;
}

/** An upstream called "api" on 127.0.0.1, checked over HTTP unless told otherwise. */
export function checkedUpstream(parts: CheckedParts): CheckedUpstream {
  const base: EndpointSpec = { scheme: "http", host: "127.0.0.1", port: 80, weight: 1, basePath: "" };
  const endpoints = (parts.ports ?? [80]).map((port) => ({ ...base, port, ...parts.endpoint }));
  const upstream = {
    name: "api",
    endpoints,
    protocol: "http1",
    tls: { ca: null, cert: null, key: null, serverName: null, insecure: false, ...parts.tls },
  } as unknown as UpstreamSpec;
  return { upstream, active: parts.active ?? httpCheck() };
}
