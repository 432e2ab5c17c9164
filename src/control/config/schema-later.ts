import { anything, optional } from "./schema-kit.ts";
import { Redis } from "./schema-rate-limits.ts";

/** Sections whose features come in later versions: validated now, so that a configuration need not change then. */

export const redisField = optional({
  ...Redis,
  description:
    "Keeps what machines share: the `kv` of plugins, rate limits with `backend: redis`, and the addresses of containers.",
} as typeof Redis);

export const eventsField = optional(anything({ description: "Where events go: webhooks and the like.", later: true }));
export const tracingField = optional(anything({ description: "Spans for OpenTelemetry.", later: true }));
