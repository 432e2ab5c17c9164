import type { RetryReasonsSpec, RetrySpec, UpstreamTimeoutsSpec } from "../../model/snapshot-spec.ts";
import type { BuildContext } from "./build-context.ts";
import { DEFAULTS } from "./defaults.ts";
import type { ConfigPath } from "./diagnostics.ts";
import type { RetriesConfig, RetryMapConfig, RetryReason } from "./schema-retries.ts";

/** Kept in memory for every request that runs. */
const MOST_REPLAYED = 16 * 2 ** 20;

const GATEWAY_ERRORS: readonly number[] = [502, 503, 504];

/** Asking for retries asks for more than the default does: idempotent requests whose outcome is unknown count too. */
export function buildRetries(
  config: RetriesConfig | undefined,
  path: ConfigPath,
  context: BuildContext,
  timeouts: UpstreamTimeoutsSpec,
): RetrySpec {
  const { retries } = DEFAULTS.upstream;
  const { budget, backOff } = retries;
  if (config === undefined)
    return { ...retries, on: { ...retries.on, statuses: [] }, budget: { ...budget }, backOff: { ...backOff } };
  const given: RetryMapConfig = typeof config === "number" ? { max: config } : config;
  const spec: RetrySpec = {
    max: given.max ?? retries.max,
    on: reasonsOf(given.on),
    perTryMs: given.perTry ?? null,
    budget: {
      ratio: given.budget?.ratio ?? budget.ratio,
      minPerSecond: given.budget?.minPerSecond ?? budget.minPerSecond,
      windowMs: given.budget?.window ?? budget.windowMs,
    },
    backOff: {
      baseMs: given.backOff?.base ?? Math.min(backOff.baseMs, given.backOff?.max ?? backOff.baseMs),
      maxMs: given.backOff?.max ?? Math.max(backOff.maxMs, given.backOff?.base ?? 0),
      maxRetryAfterMs: given.backOff?.maxRetryAfter ?? backOff.maxRetryAfterMs,
    },
    hedgeAfterMs: given.hedge ?? null,
    replayBytes: given.maxBody ?? retries.replayBytes,
  };
  checkRetries(spec, path, context, timeouts);
  return spec;
}

function reasonsOf(on: readonly RetryReason[] | undefined): RetryReasonsSpec {
  if (on === undefined) return { reset: true, timeout: true, statuses: [...GATEWAY_ERRORS] };
  const has = (...reasons: RetryReason[]) => reasons.some((reason) => on.includes(reason));
  const statuses = new Set(on.filter((reason) => typeof reason === "number"));
  if (has("gateway-error")) for (const status of GATEWAY_ERRORS) statuses.add(status);
  if (has("5xx")) for (let status = 500; status < 600; status++) statuses.add(status);
  return {
    reset: has("reset", "idempotent"),
    timeout: has("timeout", "idempotent"),
    statuses: [...statuses].sort((a, b) => a - b),
  };
}

function checkRetries(spec: RetrySpec, path: ConfigPath, context: BuildContext, timeouts: UpstreamTimeoutsSpec): void {
  const { on, backOff, hedgeAfterMs } = spec;
  if (backOff.baseMs > backOff.maxMs) context.error([...path, "backOff", "max"], "is shorter than base");
  if (spec.replayBytes > MOST_REPLAYED)
    context.error([...path, "maxBody"], "is kept in memory for every request that runs", "16mb or less");
  if (hedgeAfterMs === null) return;
  const at = [...path, "hedge"];
  if (!on.reset && !on.timeout && on.statuses.length === 0) {
    context.error(at, "a hedge sends idempotent requests twice, which `on` does not allow", "add idempotent to on");
  }
  const limit = Math.min(timeouts.firstByteMs, spec.perTryMs ?? Number.POSITIVE_INFINITY);
  if (hedgeAfterMs >= limit) context.warn(at, `never happens: an attempt is given up after ${limit} ms`);
}
