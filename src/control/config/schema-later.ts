import { anything, optional, record } from "./schema-kit.ts";
import { Redis } from "./schema-rate-limits.ts";
import { bool, integer, looseText, text } from "./schema-scalars.ts";

/** Sections whose features come in later versions: validated now, so that a configuration need not change then. */

export const redisField = optional({
  ...Redis,
  description:
    "Keeps what machines share: the `kv` of plugins, rate limits with `backend: redis`, and in later versions the discovery cache.",
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
