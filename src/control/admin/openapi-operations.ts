import { jsonSchemaOf } from "../config/json-schema.ts";
import { RouteSchema } from "../config/schema-routes.ts";
import { UpstreamSchema } from "../config/schema-upstreams.ts";
import type { ReplyName } from "./openapi-replies.ts";

type Json = Record<string, unknown>;

export interface Operation {
  readonly summary: string;
  readonly tag: string;
  /** By the status of success: what it says. */
  readonly answers: Readonly<Record<string, string>>;
  /** Of what it says; a media type where that is not JSON. */
  readonly reply: ReplyName | readonly [ReplyName] | "text/plain" | "text/event-stream" | null;
  readonly body?: Json;
  readonly query?: Readonly<Record<string, string>>;
  /** Failures beside those that every operation has. */
  readonly fails?: readonly string[];
  /** Who may ask without a token. */
  readonly isOpen?: true;
}

/** Of every change. */
export const DRY_RUN = { dryRun: "1: say what would happen, and do nothing." };
const TEXTS = { type: "array", items: { type: "string" } };
const KEY_BODY = {
  type: "object",
  required: ["name"],
  additionalProperties: false,
  properties: {
    name: { type: "string", minLength: 1, maxLength: 100 },
    scopes: TEXTS,
    expires: { type: "string", description: "`2027-01-31`" },
  },
};
const ORDER_BODY = {
  type: "object",
  additionalProperties: false,
  properties: {
    weight: { type: ["integer", "null"], minimum: 0, maximum: 1_000_000, description: "null: as configured." },
    draining: { type: "boolean", description: "Takes nothing new; what runs finishes." },
  },
};
const PAGE = { page: "From 1.", pageSize: "At most 500." };

/** By their names. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  ...crud("route", withId(jsonSchemaOf(RouteSchema))),
  ...crud("upstream", withId(jsonSchemaOf(UpstreamSchema))),
  "upstream.health": get("The health of an upstream's endpoints, with reasons", "traffic", "UpstreamHealth", ["404"]),
  "endpoint.list": get("All endpoints, with health and reasons", "traffic", ["Endpoint"]),
  "endpoint.order": {
    summary: "Drain an endpoint, or give it another weight; what is left out is as configured",
    tag: "traffic",
    answers: { 200: "as it is now" },
    reply: "Endpoint",
    body: ORDER_BODY,
    query: DRY_RUN,
    fails: ["404", "422"],
  },
  "key.list": get("API keys, without the keys", "security", ["Key"]),
  "key.create": {
    summary: "Make an API key; it is shown once",
    tag: "security",
    answers: { 201: "the key" },
    reply: "NewKey",
    body: KEY_BODY,
    query: DRY_RUN,
    fails: ["409", "422"],
  },
  "key.delete": {
    summary: "Remove an API key",
    tag: "security",
    answers: { 204: "gone" },
    reply: null,
    query: DRY_RUN,
    fails: ["404", "409", "422"],
  },
  audit: { ...get("Who changed what, newest first", "observability", "Audit"), query: PAGE },
  logs: { ...get("The audit log in FlexGate's shape", "observability", "Logs"), query: PAGE },
  workers: get("The workers; none where one process does it all", "traffic", ["Worker"]),
  config: get("The effective configuration, secrets masked", "configuration", "Configuration"),
  "config.reload": {
    summary: "Read the configuration file again",
    tag: "configuration",
    answers: { 200: "what came of it" },
    reply: "Reloaded",
    fails: ["422"],
  },
  "config.check": {
    summary: "Check a configuration (YAML) in the place of the file",
    tag: "configuration",
    answers: { 200: "what is wrong with it" },
    reply: "Checked",
    body: { type: "string" },
  },
  explain: {
    ...get("Which route a request takes, and why", "traffic", "Explanation"),
    query: {
      method: "GET where it is left out.",
      url: "`http://host/path`",
      header: "`name:value`",
      clientIp: "Its address.",
    },
  },
  "plugin.list": get("Plugins: generations and errors", "traffic", ["Plugin"]),
  "plugin.reload": {
    summary: "Look for changes of plugins",
    tag: "traffic",
    answers: { 200: "what came of it" },
    reply: "Reloaded",
    fails: ["404", "422"],
  },
  "plugin.reset": {
    summary: "Call a plugin again that was suspended",
    tag: "traffic",
    answers: { 204: "done" },
    reply: null,
    fails: ["404"],
  },
  health: { ...get("Liveness", "observability", "Health"), isOpen: true },
  "health.live": { ...get("Liveness", "observability", "Health"), isOpen: true },
  "health.ready": {
    ...get("Readiness, with its checks", "observability", "Readiness"),
    answers: { 200: "ready", 503: "not ready" },
    isOpen: true,
  },
  metrics: get("Prometheus metrics", "observability", "text/plain"),
  "metrics.prometheus": get("Prometheus metrics, with FlexGate's names", "observability", "text/plain"),
  "metrics.summary": get("Totals, percentiles, the rate of requests", "observability", "Summary"),
  "stream.metrics": get("The summary every 5 s, as server-sent events", "observability", "text/event-stream"),
  "stream.alerts": get("Events as they happen, as server-sent events", "observability", "text/event-stream"),
};

/** As these objects are shown, an id is their name. */
function withId(schema: Json): Json {
  const { required: _, properties, ...rest } = schema as { required?: unknown; properties: Json };
  return { ...rest, properties: { id: { type: "string", description: "Its name." }, ...properties } };
}

function get(summary: string, tag: string, reply: Operation["reply"], fails: readonly string[] = []): Operation {
  return { summary, tag, answers: { 200: "the answer" }, reply, fails };
}

function crud(kind: "route" | "upstream", body: Json): Record<string, Operation> {
  const reply = kind === "route" ? "Route" : "Upstream";
  const common = { tag: "configuration", query: DRY_RUN, reply } as const;
  return {
    [`${kind}.list`]: get(`All ${kind}s: of the file, stored, discovered`, "configuration", [reply]),
    [`${kind}.get`]: get(`One ${kind}`, "configuration", reply, ["404"]),
    [`${kind}.create`]: {
      ...common,
      summary: `Add a ${kind}`,
      answers: { 201: "as it is now" },
      body,
      fails: ["409", "422"],
    },
    [`${kind}.replace`]: {
      ...common,
      summary: `Replace a stored ${kind}, or add it`,
      answers: { 200: "as it is now; of a dry run, that it would work", 201: "as it is now" },
      body,
      fails: ["409", "412", "422"],
    },
    [`${kind}.delete`]: {
      ...common,
      summary: `Remove a stored ${kind}`,
      answers: { 204: "gone" },
      reply: null,
      fails: ["404", "409", "412", "422"],
    },
  };
}
