import { Type, type Static } from "@sinclair/typebox";
import { DEFAULTS } from "./defaults.ts";
import { mapOf, oneOrMany, optional, record, scalar } from "./schema-kit.ts";
import {
  bool,
  choice,
  decimal,
  duration,
  durationOrZero,
  fieldValue,
  integer,
  looseText,
  POSITIVE_SHARE_KIND,
  regex,
  SHARE_KIND,
  text,
  TIMES_KIND,
  wordOr,
} from "./schema-scalars.ts";

const { check, passive, slow, slowStart } = DEFAULTS;

const Active = record(
  {
    type: optional(
      choice(["http", "tcp"], {
        description: "`http` asks and reads the answer; `tcp` is content with a connection.",
        default: "http",
      }),
    ),
    path: optional(
      text({
        description: "What to ask for, as it is sent: the path of the endpoint's URL is not put before it.",
        default: check.path,
      }),
    ),
    method: optional(text({ description: "How to ask.", default: check.method })),
    headers: optional(mapOf(fieldValue({ description: "A value." }), { description: "Sent with each check." })),
    host: optional(text({ description: "Host of a check. Default: the endpoint's." })),
    port: optional(
      integer({ min: 1, max: 65535 }, { description: "Another port than the endpoint's, for management servers." }),
    ),
    interval: optional(
      duration({
        description: "From one check to the next, give or take a tenth. Once for all workers.",
        default: "10s",
      }),
    ),
    timeout: optional(duration({ description: "Of one check. Default: 2s, or the interval when that is shorter." })),
    expect: optional(
      oneOrMany(looseText({ description: "`200`, `2xx` or `200-299`." }), {
        description: "Statuses that count as healthy.",
        default: DEFAULTS.checkExpects,
      }),
    ),
    body: optional(
      record(
        {
          contains: optional(looseText({ description: "Text that must be in it." })),
          regex: optional(regex({ description: "A regular expression that must match in it." })),
        },
        { description: "What the first 64 KiB of the body must have: one of `contains` and `regex`." },
      ),
    ),
    healthyAfter: optional(
      integer(
        { min: 1, max: 1000 },
        { description: "Successes in a row after which a failed endpoint is used again.", default: check.healthyAfter },
      ),
    ),
    unhealthyAfter: optional(
      integer(
        { min: 1, max: 1000 },
        { description: "Failures in a row after which it takes no traffic.", default: check.unhealthyAfter },
      ),
    ),
  },
  {
    description:
      "Asks each endpoint from time to time. Nobody waits for the first answer: an endpoint that was not asked yet counts as available.",
  },
);

const row = (what: string, fallback: number) =>
  wordOr(false, TIMES_KIND, {
    description: `${what} in a row that eject an endpoint; false: never.`,
    default: fallback,
  });

const Slow = record({
  factor: optional(
    decimal({ min: 1.1, max: 1000 }, { description: "Times the median of the other endpoints.", default: slow.factor }),
  ),
  atLeast: optional(
    durationOrZero({ description: "A difference below this is nothing, whatever the factor.", default: "25ms" }),
  ),
  minimumRequests: optional(
    integer({ min: 1, max: 1_000_000 }, { description: "Replies to measure first.", default: slow.minimumRequests }),
  ),
});

const PassiveRules = record({
  consecutive5xx: optional(row("Replies of 500 and above, or none at all,", passive.consecutive5xx)),
  consecutiveGatewayErrors: optional(
    row("Connections that fail, timeouts and replies of 502, 503 and 504", passive.consecutiveGatewayErrors),
  ),
  consecutiveFailures: optional(scalar(TIMES_KIND, { description: "Both of these at once." })),
  failureRatio: optional(
    scalar(POSITIVE_SHARE_KIND, { description: "Share of failures within an interval that ejects it. Default: off." }),
  ),
  minimumRequests: optional(
    integer(
      { min: 1, max: 1_000_000 },
      { description: "Requests in an interval before the ratio counts.", default: passive.minimumRequests },
    ),
  ),
  interval: optional(duration({ description: "What the ratio is counted over.", default: "10s" })),
  slow: optional(
    Type.Union([bool({ description: "true: with the defaults." }), Slow], {
      description:
        "Ejects endpoints that are much slower than their peers. Default: true, but false with `balance` hash or failover, where they are asked for different things.",
    }),
  ),
  ejectFor: optional(
    durationOrZero({
      description: "How long it stays out the first time; each time more. 0: nothing is ejected.",
      default: "30s",
    }),
  ),
  maxEjectFor: optional(duration({ description: "The longest it stays out.", default: "5m" })),
  maxEjected: optional(
    scalar(SHARE_KIND, {
      description: "Share of the endpoints that may be out at once; of two or more, one always may.",
      default: passive.maxEjected,
    }),
  ),
});

const SlowStart = record({
  window: optional(duration({ description: "Until it has its full share.", default: "30s" })),
  from: optional(scalar(POSITIVE_SHARE_KIND, { description: "The share it begins with.", default: slowStart.from })),
  aggression: optional(
    decimal(
      { min: 0.01, max: 100 },
      { description: "1: in proportion to the time. Above 1: more at first.", default: slowStart.aggression },
    ),
  ),
});

export const HealthSchema = record(
  {
    active: optional(Active),
    passive: optional(
      Type.Union([bool({ description: "false: traffic teaches nothing." }), PassiveRules], {
        description:
          "Learns from real traffic, each worker for itself; on unless it is false. An endpoint that fails is left out for a while.",
        default: true,
      }),
    ),
    slowStart: optional(
      Type.Union([duration({ description: "The window." }), SlowStart], {
        description:
          "An endpoint that comes back gets its share little by little: a duration, or a map. Default: at once.",
      }),
    ),
    panicBelow: optional(
      wordOr(false, SHARE_KIND, {
        description:
          "When less than this share of the endpoints is well, the sick ones are used, too: the few that are left would not bear it all. false or 0: never.",
        default: DEFAULTS.upstream.panicBelow,
      }),
    ),
  },
  { description: "When an endpoint takes no traffic." },
);

export type HealthConfig = Static<typeof HealthSchema>;
export type ActiveConfig = Static<typeof Active>;
export type PassiveConfig = Static<typeof PassiveRules>;
