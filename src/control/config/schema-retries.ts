import { Type, type Static } from "@sinclair/typebox";
import { describeNode } from "./config-node.ts";
import { didYouMean } from "../../contract/edit-distance.ts";
import { DEFAULTS } from "./defaults.ts";
import { oneOrMany, optional, record, scalar, type ScalarKind } from "./schema-kit.ts";
import { decimal, duration, durationOrZero, integer, size } from "./schema-scalars.ts";

/** What a reason stands for; statuses stand for themselves. */
export const RETRY_WORDS = [
  "safe",
  "connect-failure",
  "reset",
  "timeout",
  "idempotent",
  "gateway-error",
  "5xx",
] as const;

export type RetryReason = (typeof RETRY_WORDS)[number] | number;

const REASON_KIND: ScalarKind<RetryReason> = {
  expected: `a status from 400 to 599, or one of ${RETRY_WORDS.join(", ")}`,
  json: { anyOf: [{ enum: RETRY_WORDS }, { type: "integer", minimum: 400, maximum: 599 }] },
  read: (node) => {
    const written = String(node.value);
    const word = RETRY_WORDS.find((candidate) => candidate === written);
    if (word !== undefined) return { value: word };
    if (/^[45]\d\d$/.test(written)) return { value: Number(written) };
    if (node.value === null) return null;
    const hint = didYouMean(node.source, [...RETRY_WORDS]);
    const problem = `expected ${REASON_KIND.expected}, got ${describeNode(node)}`;
    return hint === undefined ? { problem } : { problem, hint };
  },
};

const { retries } = DEFAULTS.upstream;
const retryCount = integer({ min: 0, max: 20 }, { description: "Attempts after the first.", default: retries.max });

const Budget = record(
  {
    ratio: optional(
      decimal({ min: 0, max: 10 }, { description: "Retries for each request.", default: retries.budget.ratio }),
    ),
    minPerSecond: optional(
      decimal(
        { min: 0, max: 100_000 },
        {
          description: "Retries a second, over 10 s, that are granted however few requests there are.",
          default: retries.budget.minPerSecond,
        },
      ),
    ),
    window: optional(
      duration({
        description: "What the share is counted over: what may be sent at once when all fails.",
        default: "2s",
      }),
    ),
  },
  {
    description:
      "How many retries and hedges the upstream is sent in all: a dead one sees 1.2 times its load, not a multiple.",
  },
);

const BackOff = record(
  {
    base: optional(
      durationOrZero({ description: "The longest wait before the first retry; it doubles.", default: "25ms" }),
    ),
    max: optional(durationOrZero({ description: "The longest wait of all.", default: "250ms" })),
    maxRetryAfter: optional(
      durationOrZero({ description: "The longest `Retry-After` that is waited for.", default: "1s" }),
    ),
  },
  {
    description:
      "The wait before a retry: by chance anything up to a bound, so that clients do not come back together.",
  },
);

const RetryMap = record({
  max: optional(retryCount),
  on: optional(
    oneOrMany(scalar(REASON_KIND, { description: "A reason to try again." }), {
      description:
        "What is worth another attempt: `reset`, `timeout`, `idempotent` (both), a status such as 503, `gateway-error` (502, 503, 504), `5xx`; all of them for idempotent requests only. `safe` and `connect-failure`, what provably was not processed, always are.",
      default: ["reset", "timeout", "gateway-error"],
    }),
  ),
  perTry: optional(
    duration({ description: "Until the reply's head, of each attempt. Default: what is left of the timeout." }),
  ),
  budget: optional(Budget),
  backOff: optional(BackOff),
  hedge: optional(
    duration({
      description:
        "An idempotent request without a reply after so long is sent to another endpoint, too; whoever is first answers. Default: never.",
    }),
  ),
  maxBody: optional(
    size({ description: "A request body up to here is kept so that it can be sent again.", default: "64kb" }),
  ),
});

export const RetriesSchema = Type.Union([retryCount, RetryMap], {
  description:
    "Attempts after the first, on other endpoints where there are some: a number, or a map. Trap: once this is given, idempotent requests (GET, PUT, DELETE …) whose outcome is unknown or that were answered 502, 503 or 504 are sent again too; without it, one retry of what provably was not processed. POST is never sent twice.",
});

export type RetriesConfig = Static<typeof RetriesSchema>;
export type RetryMapConfig = Static<typeof RetryMap>;
