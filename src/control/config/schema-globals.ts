import { DEFAULTS } from "./defaults.ts";
import { optional, record } from "./schema-kit.ts";
import { choice, COUNT_KIND, decimal, duration, durationOrZero, integer, size, wordOr } from "./schema-scalars.ts";

export const workersField = optional(
  wordOr("auto", COUNT_KIND, { description: "Processes that share the ports; `auto` is one per core.", default: 1 }),
);

export const shutdownField = optional(
  record(
    {
      delayMs: optional(
        durationOrZero({
          description:
            "After a signal: readiness fails at once, accepting goes on for this long. Give load balancers time to notice.",
          default: DEFAULTS.shutdown.delayMs,
        }),
      ),
      drainMs: optional(
        durationOrZero({
          description: "Then what is in flight may finish for this long.",
          default: DEFAULTS.shutdown.drainMs,
        }),
      ),
      retireMs: optional(
        durationOrZero({
          description: "How long a replaced worker keeps its tunnels and streams. Default: until they end.",
        }),
      ),
    },
    { description: "What SIGTERM and SIGINT do." },
  ),
);

export const limitsField = optional(
  record(
    {
      maxConnections: optional(integer({ min: 1 }, { description: "Client connections at once. Default: no limit." })),
      maxConnectionsPerIp: optional(
        integer(
          { min: 1 },
          { description: "Of one client address. Trap: many people share one behind a NAT. Default: no limit." },
        ),
      ),
      maxHeaderBytes: optional(size({ description: "Of a request's head; more is answered 431.", default: "16kb" })),
      maxUriBytes: optional(size({ description: "Of a request target; more is answered 414.", default: "8kb" })),
      maxBodySize: optional(size({ description: "Of a request body; more is answered 413. Default: no limit." })),
    },
    { description: "What clients may send." },
  ),
);

export const timeoutsField = optional(
  record(
    {
      head: optional(duration({ description: "From a request's first byte to the end of its head.", default: "10s" })),
      bodyIdle: optional(duration({ description: "Between two reads of a request body.", default: "60s" })),
      keepAlive: optional(
        duration({
          description: "Between two requests of a connection. Keep it above your load balancer's.",
          default: "75s",
        }),
      ),
      streamIdle: optional(duration({ description: "A quiet event stream or tunnel. Default: never." })),
      streamIdleMs: optional(duration({ description: "Alias of `streamIdle`." })),
    },
    { description: "How long clients may take. Upstreams have their own." },
  ),
);

const rate = (what: string, fallback: number) =>
  decimal({ min: 0, max: 1 }, { description: `Share of ${what} that is logged, 0 to 1.`, default: fallback });

export const loggingField = optional(
  record(
    {
      level: optional(
        choice(["trace", "debug", "info", "warn", "error", "fatal", "silent"], {
          description: "The least that is worth a line.",
          default: DEFAULTS.logging.level,
        }),
      ),
      format: optional(
        choice(["json", "pretty"], { description: "`pretty` is for people.", default: DEFAULTS.logging.format }),
      ),
      access: optional(
        choice(["off", "sampled", "all"], {
          description: "A line for each request: none, a sample, or all.",
          default: DEFAULTS.accessLog.mode,
        }),
      ),
      sampling: optional(
        record(
          {
            successRate: optional(rate("replies below 400", DEFAULTS.accessLog.successRate)),
            errorRate: optional(rate("the other replies", DEFAULTS.accessLog.errorRate)),
          },
          { description: "For `access: sampled`." },
        ),
      ),
    },
    { description: "What is written to standard output." },
  ),
);
