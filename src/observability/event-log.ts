import type { ProxyEvent } from "../model/ports.ts";
import { EventBus } from "./event-bus.ts";
import type { Logger } from "./logger.ts";

/** A bus whose events are logged. */
export function loggedEvents(log: Logger): EventBus {
  const bus = new EventBus();
  bus.subscribe(null, (event) => logEvent(log, event));
  return bus;
}

/** One event as a line of the log, as loud as it matters. */
export function logEvent(log: Logger, event: ProxyEvent): void {
  const { type, ...rest } = event;
  switch (event.type) {
    case "internal":
      return log.error({ where: event.where, err: event.error }, "internal error");
    case "config.rejected":
      for (const line of event.errors) log.error(line);
      return log.error("configuration rejected; the last good one keeps serving");
    case "config.reloaded":
      return log.info(rest, "configuration reloaded");
    case "events.dropped":
      return log.warn(rest, "events left out");
    case "rate_limit.exceeded":
      // Nobody but the log knows what a limit that only watches would refuse.
      return event.mode === "shadow" ? log.info(rest, type) : log.debug(rest, type);
    default:
      return log[LEVELS[type] ?? "info"](rest, type);
  }
}

const LEVELS: Partial<Readonly<Record<ProxyEvent["type"], "debug" | "warn" | "error">>> = {
  "plugin.failed": "error",
  "worker.restarted": "warn",
  "upstream.failure": "warn",
  "upstream.unhealthy": "warn",
  "circuit_breaker.opened": "warn",
  "outlier.ejected": "warn",
  "plugin.suspended": "warn",
  "rate_limit.fallback": "warn",
  "retry_budget.exhausted": "warn",
  "request.error": "warn",
  overloaded: "warn",
  "plugin.closed": "debug",
  "request.refused": "debug",
};
