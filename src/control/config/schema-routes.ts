import { Type, type Static } from "@sinclair/typebox";
import { DEFAULTS } from "./defaults.ts";
import { mapOf, oneOrMany, optional, record, scalar, type ScalarKind } from "./schema-kit.ts";
import {
  bool,
  choice,
  duration,
  fieldValue,
  hostPattern,
  integer,
  looseText,
  name,
  pathPattern,
  regex,
  size,
  text,
} from "./schema-scalars.ts";
import { HASH_KIND, MOST_IN_FLIGHT } from "./schema-upstreams.ts";
import { routeRateLimits } from "./schema-rate-limits.ts";
import { routePluginsField, skipField } from "./schema-plugins.ts";

const FieldCondition = Type.Union([
  looseText({ description: 'The exact value, or "*" for any.' }),
  record({
    regex: regex({ description: "A regular expression the value must match somewhere; anchor it with ^ and $." }),
  }),
]);

const SPLIT_BY_KIND: ScalarKind<string> = {
  expected: `cookie, ${HASH_KIND.expected}`,
  json: { anyOf: [{ const: "cookie" }, HASH_KIND.json] },
  read: (node) => (node.value === "cookie" ? { value: "cookie" } : HASH_KIND.read(node)),
};

const Split = record(
  {
    by: optional(
      scalar(SPLIT_BY_KIND, {
        description:
          "What keeps a client on one side. Bare `cookie` reads the cookie `sluice_split`. Default: each request draws anew.",
      }),
    ),
    targets: Type.Array(
      record({
        upstream: text({ description: "Name of an upstream." }),
        weight: optional(integer({ min: 0, max: 1_000_000 }, { description: "Its share; 0 takes none.", default: 1 })),
      }),
      { description: "The sides." },
    ),
  },
  { description: "Shares the traffic between upstreams by weight: canaries, blue and green." },
);

const Redirect = record(
  {
    to: text({
      description:
        "Location; `{scheme}`, `{host}`, `{authority}` (host with port), `{path}`, `{query}` and parameters as `{param.id}` are filled in.",
    }),
    status: optional(
      choice([301, 302, 303, 307, 308], {
        description: "Trap: browsers remember 301 and 308 for good.",
        default: DEFAULTS.redirectStatus,
      }),
    ),
  },
  { description: "Answers with a redirect." },
);

const Respond = record(
  {
    status: optional(integer({ min: 200, max: 599 }, { description: "Status of the reply.", default: 200 })),
    body: optional(looseText({ description: "Its body, as UTF-8.", default: "" })),
    headers: optional(
      mapOf(fieldValue({ description: "A value." }), {
        description: "Its headers. Content-Type defaults to text/plain.",
      }),
    ),
  },
  { description: "Answers by itself." },
);

const matchFields = {
  host: optional(
    oneOrMany(hostPattern({ description: "A host." }), {
      description: "`api.example.com`, `*.example.com` (one or more labels), or a list. Default: any host.",
    }),
  ),
  path: optional(
    pathPattern({
      description:
        "Exact (`/users`), with parameters (`/users/:id`) or a prefix (`/users/*`, which also takes `/users` itself but not `/users-old`).",
      default: "/*",
    }),
  ),
  methods: optional(
    oneOrMany(text({ description: "A method." }), { description: "`GET`, `POST` … Default: every method." }),
  ),
  headers: optional(
    mapOf(FieldCondition, { description: 'Headers a request must have: a value, "*" for any, or `{ regex }`.' }),
  ),
  query: optional(mapOf(FieldCondition, { description: "Query parameters a request must have, in the same forms." })),
  scheme: optional(choice(["http", "https"], { description: "Only requests that came in this way." })),
  listeners: optional(
    oneOrMany(text({ description: "Name of a listener." }), {
      description: "Only requests that came in there. Default: all.",
    }),
  ),
  priority: optional(
    integer(
      { min: -1_000_000, max: 1_000_000 },
      {
        description: "Decides between routes that are equally specific; the higher wins, then the first in the file.",
        default: 0,
      },
    ),
  ),
};

const actionFields = {
  upstream: optional(
    text({
      description:
        "Name of the upstream that answers, or the address of one such as `https://api.example.com`. Exactly one of `upstream`, `split`, `redirect`, `respond` is needed.",
    }),
  ),
  split: optional(Split),
  redirect: optional(Redirect),
  respond: optional(Respond),
  stripPath: optional(
    text({
      description: "Cut from the front of the path before forwarding: with `/users`, `/users/7` goes on as `/7`.",
    }),
  ),
  rewritePath: optional(
    text({
      description:
        "Replaces the path before forwarding; parameters such as `:id` and what a prefix leaves over, `*`, are filled in. Not together with `stripPath`.",
    }),
  ),
  preserveHost: optional(
    bool({
      description:
        "Sends the client's Host on. Default: true for http endpoints, false for https endpoints with a DNS name.",
    }),
  ),
  timeout: optional(duration({ description: "Until the reply's head, retries included. Default: the upstream's." })),
  totalMs: optional(duration({ description: "The whole exchange, body included. Default: the upstream's." })),
  maxBodySize: optional(size({ description: "The largest request body. Default: `limits.maxBodySize`." })),
};

/** From the most important class on. */
export const IMPORTANCE = ["high", "normal", "low"] as const;

export const RouteSchema = record({
  name: optional(
    name({ description: "Its id in metrics, logs and the admin API. Default: made from host, path and methods." }),
  ),
  ...matchFields,
  ...actionFields,
  auth: optional(
    choice(["required", "none"], {
      description:
        "`required` asks for what `security.auth` describes, before anything else: shorthand for the plugin `key-auth` with that configuration.",
      default: "none",
      refusesNull: true,
    }),
  ),
  rateLimit: routeRateLimits,
  maxInFlight: optional(
    integer(
      { min: 1, max: MOST_IN_FLIGHT },
      { description: "Requests in flight at once, over all workers; more are answered 503. Default: no limit." },
    ),
  ),
  importance: optional(
    choice(IMPORTANCE, {
      description:
        "When something has to give, `low` goes first and `high` last: each class leaves a tenth of the places to every more important one in use. Not `priority`, which decides between routes.",
      default: "normal",
    }),
  ),
  plugins: routePluginsField,
  skip: skipField,
  labels: optional(
    mapOf(looseText({ description: "A value." }), {
      description: "Free words about the route, for plugins and metrics.",
    }),
  ),
  enabled: optional(bool({ description: "false leaves the route out, as if it were not written.", default: true })),
});

export const routesField = optional(
  Type.Array(RouteSchema, {
    description: "Which requests go where. The most specific route wins, wherever it stands in the file.",
  }),
);

export type RouteConfig = Static<typeof RouteSchema>;
export type SplitConfig = Static<typeof Split>;
export type FieldConditionConfig = Static<typeof FieldCondition>;
