import type { BreakerSpec, UpstreamSpec, UpstreamTimeoutsSpec } from "../../model/snapshot-spec.ts";
import type { BuildContext } from "./build-context.ts";
import { DEFAULTS } from "./defaults.ts";
import type { ConfigPath } from "./diagnostics.ts";
import { LEAST_PERCENTAGE, type BreakerConfig } from "./schema-breaker.ts";

/** A breaker's clock comes round: see `BreakerSettings`. */
const DAY_MS = 86_400_000;
/** What the head of a reply may take beyond its time before a probe is given up. */
const SLACK_MS = 1_000;

export function buildBreaker(
  config: BreakerConfig | undefined,
  path: ConfigPath,
  context: BuildContext,
  timeouts: UpstreamTimeoutsSpec,
): UpstreamSpec["breaker"] {
  if (config === undefined || config.enabled === false) return { upstream: null, endpoint: null };
  for (const key of ["window", "openDuration", "timeout"] as const) {
    if ((config[key] ?? 0) > DAY_MS) context.error([...path, key], "is more than a day", "use 24h or less");
  }
  const spec = settingsOf(config, timeouts, percentageOf(config, path, context));
  if (spec.consecutiveFailures === null && spec.failures === null && spec.failureRatio === null)
    context.error([...path, "failureThreshold"], "nothing opens this breaker", "give failureRatio or failures");
  const { scope = "both" } = config;
  return {
    upstream: scope === "endpoint" ? null : spec,
    endpoint: scope === "upstream" ? null : { ...spec },
  };
}

/** FlexGate's threshold is a percentage, ours a count: a large one without a ratio is both. */
function percentageOf(config: BreakerConfig, path: ConfigPath, context: BuildContext): number | null {
  const { failureThreshold: threshold, failureRatio } = config;
  if (typeof threshold !== "number" || failureRatio !== undefined) return null;
  if (threshold < LEAST_PERCENTAGE || threshold > 100) return null;
  context.warn(
    [...path, "failureThreshold"],
    `read as FlexGate's ${threshold} % as well as ${threshold} failures in a row: whichever comes first opens it`,
    `failureRatio: ${threshold / 100} says so plainly`,
  );
  return threshold / 100;
}

function settingsOf(config: BreakerConfig, timeouts: UpstreamTimeoutsSpec, percentage: number | null): BreakerSpec {
  const { breaker } = DEFAULTS;
  const { failureThreshold: threshold } = config;
  const slowMs = config.timeout ?? null;
  const headMs = timeouts.connectMs + timeouts.firstByteMs;
  return {
    consecutiveFailures: threshold === false ? null : (threshold ?? breaker.consecutiveFailures),
    failures: config.failures ?? null,
    failureRatio: config.failureRatio ?? percentage,
    minimumRequests: config.minimumRequests ?? breaker.minimumRequests,
    windowMs: config.window ?? breaker.windowMs,
    openMs: config.openDuration ?? breaker.openMs,
    halfOpenRequests: config.halfOpenRequests ?? breaker.halfOpenRequests,
    successThreshold: config.successThreshold ?? breaker.successThreshold,
    slowMs,
    probeMs: Math.min(DAY_MS, Math.max(slowMs ?? 0, headMs) + SLACK_MS),
  };
}
