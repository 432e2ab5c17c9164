import type { ProxyEvent } from "../../model/ports.ts";
import { labels } from "./exposition.ts";

/** So often: `metric` is the name without `sluice_` and `_total`, labels are rendered. */
export type EventCount = readonly [metric: EventMetric, labels: string, count: number];

/** What is counted of events, with a help text. */
export const EVENT_METRICS = {
  circuit_breaker_transitions: "Changes of circuit breakers, by what they became.",
  outlier_ejections: "Endpoints taken out because of what traffic said about them.",
  health_check_changes: "Active health checks that changed their mind, by what they say now.",
  rate_limit_exceeded: "Requests beyond a rate limit, by limit and by whether it is enforced.",
  rate_limit_fallbacks: "Changes between the shared and the local rate limiter.",
  overload_events: "Overloads by place; told once a second while requests are refused there.",
  retry_budget_exhausted: "Retries that were not made because a budget was used up.",
  plugin_suspensions: "Plugins that were suspended because their hooks kept failing.",
  plugin_setups: "Plugin set-ups that succeeded.",
  config_reloads: "Configurations that were applied or rejected.",
  unreadable_requests: "Requests refused before they were one: malformed, too slow or too large.",
  internal_errors: "Errors of Sluice itself.",
} as const;

export type EventMetric = keyof typeof EVENT_METRICS;

/** Series of one metric. Names come from configuration, which may be large. */
const MOST_SERIES = 1000;
const OVERFLOW = labels({ overflow: "true" });

/** Counts events, all of them: unlike who listens to the bus, it is told of each. */
export class EventCounts {
  readonly #counts = new Map<EventMetric, Map<string, number>>();

  count(event: ProxyEvent): void {
    const what = countedAs(event);
    if (what === null) return;
    const [metric, its] = what;
    let series = this.#counts.get(metric);
    if (series === undefined) this.#counts.set(metric, (series = new Map()));
    const key = labels(its);
    const bounded = series.has(key) || series.size < MOST_SERIES ? key : OVERFLOW;
    series.set(bounded, (series.get(bounded) ?? 0) + 1);
  }

  get all(): EventCount[] {
    return [...this.#counts].flatMap(([metric, series]) =>
      [...series].map(([its, count]): EventCount => [metric, its, count]),
    );
  }
}

type Counted = readonly [EventMetric, Readonly<Record<string, string>>];

function countedAs(event: ProxyEvent): Counted | null {
  switch (event.type) {
    case "circuit_breaker.opened":
    case "circuit_breaker.half_open":
    case "circuit_breaker.closed": {
      const { upstream, endpoint, type } = event;
      return ["circuit_breaker_transitions", { upstream, endpoint: endpoint ?? "", to: type.slice(16) }];
    }
    case "outlier.ejected":
      return ["outlier_ejections", { upstream: event.upstream, endpoint: event.endpoint }];
    case "upstream.unhealthy":
    case "upstream.recovered": {
      const to = event.type === "upstream.unhealthy" ? "unhealthy" : "healthy";
      return ["health_check_changes", { upstream: event.upstream, endpoint: event.endpoint, to }];
    }
    default:
      return countedOfTraffic(event);
  }
}

function countedOfTraffic(event: ProxyEvent): Counted | null {
  switch (event.type) {
    case "rate_limit.exceeded":
      return ["rate_limit_exceeded", { limit: event.limit, mode: event.mode }];
    case "rate_limit.fallback":
    case "rate_limit.recovered":
      return ["rate_limit_fallbacks", { to: event.type === "rate_limit.fallback" ? "local" : "shared" }];
    case "overloaded":
      return ["overload_events", { where: event.where }];
    case "retry_budget.exhausted":
      return ["retry_budget_exhausted", { upstream: event.upstream }];
    case "request.refused":
      return ["unreadable_requests", { listener: event.listener, code: event.code }];
    case "plugin.suspended":
      return ["plugin_suspensions", { plugin: event.plugin }];
    case "plugin.setup":
      return ["plugin_setups", { plugin: event.plugin }];
    case "config.reloaded":
    case "config.rejected":
      return ["config_reloads", { result: event.type === "config.reloaded" ? "applied" : "rejected" }];
    case "internal":
      return ["internal_errors", { where: event.where }];
    default:
      return null;
  }
}
