import type { Static } from "@sinclair/typebox";
import { DEFAULTS } from "./defaults.ts";
import { oneOrMany, optional, record, scalar, type ScalarKind } from "./schema-kit.ts";
import { choice, duration, integer, text } from "./schema-scalars.ts";

const MOST = 1_000_000_000;
const MOST_KEYS = 2 ** 24;

const rateFields = {
  max: optional(integer({ min: 0, max: MOST }, { description: "Requests in a window. Needed, 1 or more." })),
  requests: optional(integer({ min: 0, max: MOST }, { description: "FlexGate's spelling of `max`." })),
  window: optional(
    duration({ description: "Length of the window. Needed. It rolls: nothing starts anew at full minutes." }),
  ),
  windowMs: optional(duration({ description: "FlexGate's spelling of `window`." })),
  burst: optional(
    integer({ min: 1, max: MOST }, { description: "How many may come at once after a pause. Default: `max`." }),
  ),
  message: optional(text({ description: "Text of the refusal." })),
  mode: optional(
    choice(["enforce", "shadow"], {
      description: "`shadow` counts and tells, and refuses nothing.",
      default: "enforce",
    }),
  ),
};

const RATE_BY = /^(clientIp|route|identity|(header|claim):.+)$/;

const RATE_BY_KIND: ScalarKind<string> = {
  expected: "clientIp, route, identity, header:NAME or claim:NAME",
  json: { type: "string", pattern: RATE_BY.source },
  read: (node) => (typeof node.value === "string" && RATE_BY.test(node.value) ? { value: node.value } : null),
};

const RateLimit = record({
  ...rateFields,
  by: optional(
    oneOrMany(scalar(RATE_BY_KIND, { description: "A part of the key." }), {
      description:
        "What is counted: each `clientIp`, each `identity`, each value of a header (`header:X-Tenant`) or of a token's claim (`claim:sub`), or the `route` as a whole. A list makes one key of several.",
      default: "clientIp",
    }),
  ),
});

export const routeRateLimits = optional(
  oneOrMany(RateLimit, {
    description: "How often it may be asked; more is answered 429. Of a list, each must allow a request.",
  }),
);

const GlobalLimit = record(rateFields, {
  description: "For all requests of a client address together, before routing.",
});

export const Redis = record(
  { url: text({ description: "redis://[user:password@]host:port/db", secret: true }) },
  { description: "A Redis server." },
);

export const rateLimitField = optional(
  record(
    {
      backend: optional(
        choice(["local", "redis"], {
          description:
            "Where counts are kept. `local`: exact over the workers of this machine. `redis`: exact over all machines; while it is away, each counts for itself.",
          default: "local",
        }),
      ),
      redis: optional(
        record(
          {
            url: optional(
              text({
                description: "redis://[user:password@]host:port/db. Default: the `redis` of the top.",
                secret: true,
              }),
            ),
            timeout: optional(
              duration({
                description: "How long a decision may take; then this machine decides, and asks again later.",
                default: `${DEFAULTS.rateLimits.redisTimeoutMs}ms`,
              }),
            ),
          },
          { description: "Of `backend: redis`." },
        ),
      ),
      maxKeys: optional(
        integer(
          { min: 1024, max: MOST_KEYS },
          {
            description:
              "Keys that are remembered on this machine while their limit is not refilled, rounded up to a power of two; 8 bytes each, taken at the start. With more, those closest to refilled are forgotten first.",
            default: DEFAULTS.rateLimits.maxKeys,
          },
        ),
      ),
      global: optional(GlobalLimit),
    },
    { description: "Where limits are counted, and the one for the whole gateway. Routes have their own." },
  ),
);

export type RateLimitConfig = Static<typeof RateLimit>;
export type GlobalLimitConfig = Static<typeof GlobalLimit>;
