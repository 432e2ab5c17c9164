import { Type } from "@sinclair/typebox";
import { DEFAULTS } from "./defaults.ts";
import { optional, record, scalar } from "./schema-kit.ts";
import {
  bool,
  choice,
  COUNT_KIND,
  decimal,
  duration,
  durationOrZero,
  integer,
  POSITIVE_SHARE_KIND,
  size,
  wordOr,
} from "./schema-scalars.ts";

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

const Memory = record({
  low: optional(
    scalar(POSITIVE_SHARE_KIND, {
      description: "Share of the memory limit from which the less important requests are refused.",
      default: DEFAULTS.memory.low,
    }),
  ),
  all: optional(
    scalar(POSITIVE_SHARE_KIND, {
      description: "Share from which every new request is refused.",
      default: DEFAULTS.memory.all,
    }),
  ),
});

export const limitsField = optional(
  record(
    {
      maxConnections: optional(
        integer(
          { min: 1 },
          {
            description:
              "Client connections at once, of each listener of each worker, on edge `wire`. Default: no limit.",
          },
        ),
      ),
      maxConnectionsPerIp: optional(
        integer(
          { min: 1 },
          {
            description:
              "Of one client address (of IPv6, one /64), of each listener of each worker; trusted proxies do not count. Trap: many people share one behind a NAT. Default: no limit.",
          },
        ),
      ),
      maxHeaderBytes: optional(size({ description: "Of a request's head; more is answered 431.", default: "16kb" })),
      maxUriBytes: optional(size({ description: "Of a request target; more is answered 414.", default: "8kb" })),
      maxBodySize: optional(size({ description: "Of a request body; more is answered 413. Default: no limit." })),
      maxInFlight: optional(
        integer(
          { min: 1, max: 1_000_000 },
          {
            description: "Requests in flight at once, over all workers; more are answered 503. Default: no limit.",
          },
        ),
      ),
      memory: optional(
        Type.Union([bool({ description: "false: it is not watched." }), Memory], {
          description: "Refuses requests before the kernel kills: where a memory limit is set for the container.",
          default: DEFAULTS.memory,
        }),
      ),
    },
    { description: "What clients may send, and how much at once." },
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
