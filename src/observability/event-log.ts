import type { ProxyEvent } from "../model/ports.ts";
import type { Logger } from "./logger.ts";

/** At most this many lines a second of each type: a storm of failures must not become a storm of logging. */
const PER_SECOND = 20;

const spent = new Map<string, { second: number; lines: number; dropped: number }>();

export function logEvent(log: Logger, event: ProxyEvent): void {
  const second = Math.floor(Date.now() / 1000);
  let budget = spent.get(event.type);
  if (budget === undefined || budget.second !== second) {
    if (budget !== undefined && budget.dropped > 0)
      log.warn({ type: event.type, dropped: budget.dropped }, "events left out of the log");
    budget = { second, lines: 0, dropped: 0 };
    spent.set(event.type, budget);
  }
  if (budget.lines >= PER_SECOND) {
    budget.dropped++;
    return;
  }
  budget.lines++;
  write(log, event);
}

function write(log: Logger, event: ProxyEvent): void {
  const { type, ...rest } = event;
  switch (event.type) {
    case "internal":
      return log.error({ where: event.where, err: event.error }, "internal error");
    case "plugin.failed":
      return log.error(rest, type);
    case "upstream.failure":
    case "plugin.suspended":
      return log.warn(rest, type);
    case "plugin.closed":
    case "request.refused":
      return log.debug(rest, type);
    default:
      return log.info(rest, type);
  }
}
