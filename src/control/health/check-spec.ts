import type { ActiveCheckSpec, EndpointSpec, UpstreamSpec } from "../../model/snapshot-spec.ts";

export interface CheckedUpstream {
  readonly upstream: UpstreamSpec;
  readonly active: ActiveCheckSpec;
}

export interface ProbeResult {
  readonly ok: boolean;
  /** "HTTP 200", "HTTP 503, expected 200-399", "connection refused". */
  readonly reason: string;
}

/** One check of one endpoint. May reject or hang: whoever calls it copes. */
export type Probe = (signal: AbortSignal) => Promise<ProbeResult>;

export type CreateProbe = (checked: CheckedUpstream, endpoint: EndpointSpec) => Probe;
