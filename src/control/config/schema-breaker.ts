import type { Static } from "@sinclair/typebox";
import { DEFAULTS } from "./defaults.ts";
import { optional, record, scalar } from "./schema-kit.ts";
import { bool, choice, duration, integer, POSITIVE_SHARE_KIND, TIMES_KIND, wordOr } from "./schema-scalars.ts";

const { breaker } = DEFAULTS;
const PROBES = { min: 1, max: 100_000 };

/** From here on FlexGate's `failureThreshold` is believed to be the percentage it is there. */
export const LEAST_PERCENTAGE = 20;

export const BreakerSchema = record(
  {
    enabled: optional(bool({ description: "false: none, as if it were not written.", default: true })),
    scope: optional(
      choice(["both", "upstream", "endpoint"], {
        description:
          "`endpoint`: one that fails is left out. `upstream`: when the service as a whole fails, requests are answered 503 at once. `both`: each.",
        default: "both",
      }),
    ),
    failureThreshold: optional(
      wordOr(false, TIMES_KIND, {
        description: `Failures in a row that open it; false: that does not. Trap: in FlexGate this is a percentage. So from ${LEAST_PERCENTAGE} to 100, with no \`failureRatio\` beside it, it is that as well: 50 also opens it at half of at least 10 requests within 10 s.`,
        default: breaker.consecutiveFailures,
      }),
    ),
    failures: optional(
      integer(
        { min: 1, max: 1_000_000 },
        { description: "Failures within the window that open it, however many succeed. Default: off." },
      ),
    ),
    failureRatio: optional(
      scalar(POSITIVE_SHARE_KIND, { description: "Share of failures within the window that opens it. Default: off." }),
    ),
    minimumRequests: optional(
      integer(
        { min: 1, max: 1_000_000 },
        { description: "Requests within the window before the ratio counts.", default: breaker.minimumRequests },
      ),
    ),
    window: optional(duration({ description: "What is looked back at; it rolls.", default: "10s" })),
    openDuration: optional(duration({ description: "How long it stays open before it probes.", default: "30s" })),
    halfOpenRequests: optional(
      integer(PROBES, { description: "Requests that probe at once.", default: breaker.halfOpenRequests }),
    ),
    successThreshold: optional(
      integer(PROBES, {
        description: "Probes that must succeed to close it; one that fails opens it again.",
        default: breaker.successThreshold,
      }),
    ),
    timeout: optional(
      duration({
        description:
          "A reply whose head comes later counts as a failure, even though the client gets it. Default: off.",
      }),
    ),
  },
  { description: "Stops sending to what fails, and tries again with a few requests. Shared by all workers." },
);

export type BreakerConfig = Static<typeof BreakerSchema>;
