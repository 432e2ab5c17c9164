import { Type, type Static } from "@sinclair/typebox";
import { optional, record } from "./schema-kit.ts";
import { loggingField, limitsField, shutdownField, timeoutsField, workersField } from "./schema-globals.ts";
import { adminField, storeField } from "./schema-admin.ts";
import { discoveryField } from "./schema-discovery.ts";
import { eventsField, redisField, tracingField } from "./schema-later.ts";
import { listenersField, ProxySchema } from "./schema-listeners.ts";
import { pluginsField } from "./schema-plugins.ts";
import { rateLimitField } from "./schema-rate-limits.ts";
import { routesField } from "./schema-routes.ts";
import { securityField, trustedProxiesField } from "./schema-security.ts";
import { backendField, UpstreamSchema } from "./schema-upstreams.ts";

/** The whole configuration: types, validation, JSON Schema and docs all come from here. */
export const ConfigSchema = record({
  listeners: listenersField,
  proxy: optional({
    ...ProxySchema,
    description: "Shorthand for one listener, as FlexGate and Proxymity have it.",
  } as typeof ProxySchema),
  upstreams: optional(Type.Array(UpstreamSchema, { description: "The services requests are forwarded to." })),
  backend: backendField,
  routes: routesField,
  trustedProxies: trustedProxiesField,
  security: securityField,
  limits: limitsField,
  timeouts: timeoutsField,
  logging: loggingField,
  shutdown: shutdownField,
  workers: workersField,
  admin: adminField,
  plugins: pluginsField,
  rateLimit: rateLimitField,
  redis: redisField,
  store: storeField,
  discovery: discoveryField,
  events: eventsField,
  tracing: tracingField,
});

/** As read: durations in ms, sizes in bytes, one-or-many as lists. */
export type Config = Static<typeof ConfigSchema>;
