import { type TSchema, Type } from "@sinclair/typebox";

/** The registry's API for OpenAPI documents. Requests are read by `registration.ts`, which says more about what is wrong with them. */

const numberOrText = (minimum: number, maximum: number, description: string) =>
  Type.Union([Type.Integer({ minimum, maximum }), Type.String({ pattern: "^[0-9]{1,9}$" })], { description });

const Id = Type.String({
  pattern: "^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$",
  description: "Unique in the registry.",
  examples: ["my-api-1"],
});

const Service = Type.String({
  pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
  description: "Routed as /{service}/*.",
  examples: ["my-api"],
});

const Word = Type.Union([Type.String({ maxLength: 256 }), Type.Number(), Type.Boolean()]);

export const RegistrationBody = Type.Object(
  {
    id: Id,
    service: Service,
    address: Type.String({
      minLength: 1,
      maxLength: 255,
      description: "An IP address or a host name.",
      examples: ["localhost"],
    }),
    port: numberOrText(1, 65_535, "TCP port; text is fine."),
    metadata: Type.Optional(
      Type.Record(Type.String({ pattern: "^[A-Za-z][A-Za-z0-9._-]{0,63}$" }), Word, {
        maxProperties: 64,
        description:
          "Free words, 8 KiB together. `weight` (default 1), `version`, `scheme` (http or https) and `health` (a path such as /health, or tcp) mean something.",
      }),
    ),
    ttl: Type.Optional(
      Type.Union(
        [Type.String({ examples: ["30s"] }), Type.Integer({ minimum: 1_000, maximum: 86_400_000 }), Type.Null()],
        {
          description:
            "Gone when not heard of for so long, 1s to 24h; a bare number is ms. Default: none, until the first heartbeat; from then on 30s.",
        },
      ),
    ),
  },
  { description: "One instance of a service.", additionalProperties: true },
);

export const IdBody = Type.Object({ id: Id }, { description: "Or `?id=`." });

const nullable = (schema: TSchema) => Type.Union([schema, Type.Null()]);

export const InstanceView = Type.Object({
  id: Type.String(),
  service: Type.String(),
  scheme: Type.Union([Type.Literal("http"), Type.Literal("https")]),
  address: Type.String(),
  port: Type.Integer(),
  weight: Type.Integer(),
  metadata: Type.Record(Type.String(), Type.String()),
  health: Type.Union([Type.Literal("healthy"), Type.Literal("unhealthy"), Type.Literal("unknown")]),
  healthReason: Type.Optional(Type.String()),
  ttlMs: nullable(Type.Integer()),
  expiresInMs: nullable(Type.Number()),
  registeredAt: Type.String(),
  updatedAt: Type.String(),
});

export const RegisteredView = Type.Object({
  status: Type.Union([Type.Literal("registered"), Type.Literal("updated"), Type.Literal("unchanged")]),
  ignored: Type.Optional(Type.Array(Type.String(), { description: "Fields that mean nothing here." })),
  instance: InstanceView,
});

export const ServicesView = Type.Object({
  services: Type.Array(Type.Object({ service: Type.String(), instances: Type.Array(InstanceView) })),
  total: Type.Integer(),
});

export const HeartbeatView = Type.Object({ status: Type.Literal("ok"), id: Type.String(), ttlMs: Type.Integer() });

export const DeregisteredView = Type.Object({
  status: Type.Literal("deregistered"),
  id: Type.String(),
  service: Type.String(),
});

export const RegistryHealthView = Type.Object({
  status: Type.Literal("healthy"),
  services: Type.Integer(),
  instances: Type.Object({
    total: Type.Integer(),
    healthy: Type.Integer(),
    unhealthy: Type.Integer(),
    unknown: Type.Integer(),
  }),
  timestamp: Type.String(),
});

export const RegistryProblem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String(),
  detail: Type.String(),
  diagnostics: Type.Optional(
    Type.Array(
      Type.Object({
        path: Type.String(),
        message: Type.String(),
        hint: Type.Optional(Type.String()),
        severity: Type.Literal("error"),
      }),
    ),
  ),
});
