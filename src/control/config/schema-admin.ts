import { DEFAULTS } from "./defaults.ts";
import { optional, record } from "./schema-kit.ts";
import { bool, integer, looseText, text } from "./schema-scalars.ts";

const { admin } = DEFAULTS;

export const storeField = optional(
  record(
    {
      url: text({
        description:
          "Where what the admin API changes is kept: `sqlite:data/sluice.db` or `postgres://…`. Default: `$DATABASE_URL` where it is set, else `sqlite:data/sluice.db`. A change takes a restart.",
        secret: true,
      }),
    },
    { description: "Where what the admin API changes is kept." },
  ),
);

export const adminField = optional(
  record(
    {
      host: optional(text({ description: "Address to bind. Off loopback a token is required.", default: admin.host })),
      port: optional(integer({ min: 0, max: 65535 }, { description: "TCP port; 0: any.", default: admin.port })),
      token: optional(
        looseText({
          description: "Bearer token of those who may change things; an empty one never authenticates.",
          secret: true,
        }),
      ),
      readOnlyToken: optional(looseText({ description: "Bearer token of those who only look.", secret: true })),
      enabled: optional(bool({ description: "false: no admin listener.", default: true })),
    },
    {
      description:
        "The admin API, with its documentation at `/docs`. There is none without this section. A change takes a restart.",
    },
  ),
);
