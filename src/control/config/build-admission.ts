import type { AdmissionSpec, GateSpec, UpstreamAdmissionSpec } from "../../model/snapshot-spec.ts";
import type { BuildContext } from "./build-context.ts";
import { DEFAULTS } from "./defaults.ts";
import type { ConfigPath } from "./diagnostics.ts";
import { IMPORTANCE, type RouteConfig } from "./schema-routes.ts";
import type { UpstreamConfig } from "./schema-upstreams.ts";

/** A proxy that does nothing may use as much already. */
const LEAST_MARK = 0.1;

/** Its slot is given when all is known to be well. */
export function gateOf(max: number | undefined): GateSpec | null {
  return max === undefined ? null : { slot: 0, max };
}

export function importanceOf({ importance = "normal" }: RouteConfig): number {
  return IMPORTANCE.indexOf(importance);
}

export function buildAdmission(context: BuildContext): AdmissionSpec {
  const { limits } = context.config;
  return { maxInFlight: gateOf(limits?.maxInFlight), memory: buildMemory(context) };
}

function buildMemory(context: BuildContext): AdmissionSpec["memory"] {
  const memory = context.config.limits?.memory ?? true;
  if (memory === false) return null;
  const { low, all } = DEFAULTS.memory;
  if (memory === true) return { low, all };
  const marks = {
    low: memory.low ?? Math.min(low, memory.all ?? low),
    all: memory.all ?? Math.max(all, memory.low ?? all),
  };
  const path: ConfigPath = ["limits", "memory"];
  if (marks.low > marks.all) context.error([...path, "low"], "is above `all`", "less important requests go first");
  if (marks.low < LEAST_MARK)
    context.error([...path, "low"], "would refuse requests from the start", `${LEAST_MARK} or more`);
  return marks;
}

export function buildUpstreamAdmission(
  limits: UpstreamConfig["limits"],
  path: ConfigPath,
  context: BuildContext,
): UpstreamAdmissionSpec | null {
  const { adaptive = false, queue, maxInFlight } = limits ?? {};
  const max = maxInFlight ?? (adaptive ? DEFAULTS.upstream.adaptiveMax : undefined);
  const gate = gateOf(max);
  if (gate === null) {
    if (queue !== undefined && !context.has([...path, "maxInFlight"]))
      context.error([...path, "queue"], "nobody waits where there is no limit", "add maxInFlight, or adaptive: true");
    return null;
  }
  const waitMs = queue?.wait ?? DEFAULTS.upstream.queueWaitMs;
  return { gate, queue: { max: queue?.max ?? 0, waitMs }, adaptive };
}
