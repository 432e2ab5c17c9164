import type { EventType } from "../event-bus.ts";

/** What somebody on duty wants to hear of. */
export const ALERT_TYPES = [
  "circuit_breaker.opened",
  "circuit_breaker.half_open",
  "circuit_breaker.closed",
  "outlier.ejected",
  "outlier.returned",
  "upstream.unhealthy",
  "upstream.recovered",
  "rate_limit.exceeded",
  "rate_limit.fallback",
  "rate_limit.recovered",
  "overloaded",
  "retry_budget.exhausted",
  "plugin.failed",
  "plugin.suspended",
  "plugin.resumed",
  "config.reloaded",
  "config.rejected",
  "worker.restarted",
  "events.dropped",
] as const satisfies readonly EventType[];
