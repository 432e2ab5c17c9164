import { anything, oneOrMany, optional, record } from "./schema-kit.ts";
import { bool, choice, duration, integer, looseText, text } from "./schema-scalars.ts";

/** Sections whose features come in later versions: validated now, so that a configuration need not change then. */

const rateFields = {
  max: optional(integer({ min: 0 }, { description: "Requests in a window." })),
  requests: optional(integer({ min: 0 }, { description: "FlexGate's spelling of `max`." })),
  window: optional(duration({ description: "Length of the window." })),
  windowMs: optional(duration({ description: "FlexGate's spelling of `window`." })),
  burst: optional(integer({ min: 0 }, { description: "Above `max` for a moment." })),
  message: optional(text({ description: "FlexGate: text of the refusal." })),
};

const RateLimit = record({
  ...rateFields,
  by: optional(
    oneOrMany(text({ description: "`clientIp`, `route`, `identity`, `header:X` or `claim:X`." }), {
      description: "What is counted.",
      default: "clientIp",
    }),
  ),
  mode: optional(
    choice(["enforce", "shadow"], { description: "`shadow` counts and refuses nothing.", default: "enforce" }),
  ),
});

export const RateLimits = oneOrMany(RateLimit, { description: "How often it may be asked.", later: true });

const Redis = record(
  { url: text({ description: "redis://[user:password@]host:port/db", secret: true }) },
  { description: "A Redis server." },
);

export const rateLimitField = optional(
  record(
    {
      backend: optional(choice(["local", "redis"], { description: "Where counts are kept.", default: "local" })),
      redis: optional(Redis),
      global: optional(record(rateFields, { description: "For all requests of a client together." })),
    },
    { description: "Limits for the whole gateway.", later: true },
  ),
);

export const redisField = optional({
  ...Redis,
  description:
    "Keeps what machines share: the `kv` of plugins, and in later versions rate limits and the discovery cache.",
} as typeof Redis);

export const storeField = optional(
  record(
    { url: text({ description: "`sqlite:data/sluice.db`.", secret: true }) },
    { description: "Where what the admin API changes is kept.", later: true },
  ),
);

export const adminField = optional(
  record(
    {
      host: optional(text({ description: "Address to bind; off loopback a token is required.", default: "127.0.0.1" })),
      port: optional(integer({ min: 0, max: 65535 }, { description: "TCP port.", default: 9000 })),
      token: optional(looseText({ description: "Bearer token; an empty one never authenticates.", secret: true })),
      enabled: optional(bool({ description: "false: no admin listener.", default: true })),
    },
    { description: "The admin API.", later: true },
  ),
);

export const discoveryField = optional(
  record(
    {
      registry: optional(anything({ description: "Services register themselves over HTTP." })),
      docker: optional(
        record(
          {
            endpoint: optional(text({ description: "Docker's socket.", default: "unix:/var/run/docker.sock" })),
            network: optional(text({ description: "Network to reach containers on." })),
            exposedByDefault: optional(bool({ description: "Whether containers without labels are routed." })),
            defaultHost: optional(text({ description: "Host rule of a container, such as {name}.localhost." })),
            allow: optional(anything({ description: "Which containers may be routed." })),
            enabled: optional(bool({ description: "Off with false." })),
          },
          { description: "Containers." },
        ),
      ),
      dns: optional(anything({ description: "Names that resolve to endpoints." })),
      gossip: optional(anything({ description: "Members that tell each other." })),
    },
    { description: "Finds services by itself.", later: true },
  ),
);

export const eventsField = optional(anything({ description: "Where events go: webhooks and the like.", later: true }));
export const tracingField = optional(anything({ description: "Spans for OpenTelemetry.", later: true }));
