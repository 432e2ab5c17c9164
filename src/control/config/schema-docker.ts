import { Type } from "@sinclair/typebox";
import { DEFAULTS } from "./defaults.ts";
import { oneOrMany, optional, record } from "./schema-kit.ts";
import { bool, choice, duration, hostPattern, name, text } from "./schema-scalars.ts";

const defaults = DEFAULTS.discovery.docker;

const Tls = record(
  {
    ca: optional(text({ description: "PEM file of the authority that signed the engine's certificate." })),
    cert: optional(text({ description: "PEM file of our certificate." })),
    key: optional(text({ description: "PEM file of its key." })),
  },
  { description: "TLS to an engine over TCP." },
);

const Allow = record(
  {
    hosts: optional(
      Type.Array(hostPattern({ description: "A host pattern." }), {
        description: "Hosts that labels may name. Default: any.",
        refusesNull: true,
      }),
    ),
    paths: optional(
      Type.Array(text({ description: "`/api/*` or `/health`." }), {
        description: "Paths that labels may name. Default: any.",
        refusesNull: true,
      }),
    ),
    plugins: optional(
      Type.Array(name({ description: "A plugin." }), {
        description: "Plugins that labels may name. Default: any.",
        refusesNull: true,
      }),
    ),
  },
  { description: "What containers may claim with their labels.", refusesNull: true },
);

const ManagementFields = record(
  {
    enabled: optional(bool({ description: "true: containers may be started and stopped.", default: false })),
    images: optional(
      Type.Array(text({ description: "`nginx`, `ghcr.io/acme/*`." }), {
        description: "Images that may be started. Default: any.",
        refusesNull: true,
      }),
    ),
  },
  {
    description:
      "Containers through the admin API: `/api/v1/containers`. Trap: whoever has the token can run anything on the machine.",
  },
);

export const Docker = record(
  {
    enabled: optional(bool({ description: "false: no containers.", default: true })),
    endpoint: optional(
      text({ description: "`unix:///var/run/docker.sock`, or `tcp://host:2375`.", default: defaults.endpoint }),
    ),
    tls: optional(Tls),
    network: optional(
      text({
        description: "Network that containers are reached on. Default: one that Sluice shares, else the only one.",
      }),
    ),
    exposedByDefault: optional(
      bool({
        description: "Whether containers without `sluice.enable` are routed.",
        default: defaults.exposedByDefault,
      }),
    ),
    defaultHost: optional(
      oneOrMany(text({ description: "Such as `{name}.localhost`." }), {
        description:
          "Hosts of a container without `sluice.host`. Default: `{name}.localhost` and `{name}.docker.localhost`.",
      }),
    ),
    auth: optional(
      choice(["required", "none"], {
        description: "`required`: asked for on every container's routes, whatever its labels say.",
        default: "none",
        refusesNull: true,
      }),
    ),
    allow: optional(Allow),
    reach: optional(
      choice(["auto", "network", "published"], {
        description: "Whether containers are reached by their own addresses or by published ports; `auto` finds out.",
        default: "auto",
      }),
    ),
    grace: optional(
      duration({
        description:
          "How long a service stays known (503) whose containers are all gone: they may be on their way back.",
        default: defaults.graceMs,
      }),
    ),
    management: optional(ManagementFields),
  },
  { description: "Containers of a Docker engine, as they come and go." },
);
