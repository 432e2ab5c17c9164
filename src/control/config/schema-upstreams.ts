import { Type, type Static } from "@sinclair/typebox";
import { DEFAULTS } from "./defaults.ts";
import { BreakerSchema } from "./schema-breaker.ts";
import { HealthSchema } from "./schema-health.ts";
import { optional, record, scalar, type ScalarKind } from "./schema-kit.ts";
import { RetriesSchema } from "./schema-retries.ts";
import { bool, choice, duration, integer, name, text } from "./schema-scalars.ts";

const url = text({
  description:
    "`http://host:port`, `https://host:port` or `unix:/path/to.sock`. A path is put before every forwarded path. No credentials, query or fragment.",
});

const weight = integer(
  { min: 0, max: 1_000_000 },
  { description: "Share of the traffic beside the other endpoints; 0 takes none.", default: 1 },
);
const enabled = (what: string) =>
  bool({ description: `false leaves the ${what} out, as if it were not written.`, default: true });

const Endpoint = record({
  name: optional(name({ description: "For people; not used to tell endpoints apart." })),
  url: optional(url),
  dns: optional(
    text({
      description:
        "Instead of `url`: every address of a name (`api.internal:8080`), or every server of a service (`_http._tcp.api.internal`), followed as DNS changes. `https://` may stand before it.",
    }),
  ),
  weight: optional(weight),
  enabled: optional(enabled("endpoint")),
});

const HASH_BY = /^(clientIp|path|(header|cookie|query):.+)$/;

/** `clientIp`, `path`, `header:NAME`, `cookie:NAME`, `query:NAME`; a split also knows bare `cookie`. */
export const HASH_KIND: ScalarKind<string> = {
  expected: "clientIp, path, header:NAME, cookie:NAME or query:NAME",
  json: { type: "string", pattern: HASH_BY.source },
  read: (node) => (typeof node.value === "string" && HASH_BY.test(node.value) ? { value: node.value } : null),
};

const POLICIES = ["round-robin", "least-connections", "p2c", "ewma", "random", "failover"] as const;

const Balance = Type.Union(
  [
    choice(POLICIES, { description: "A policy by name." }),
    record({
      hash: record(
        { by: scalar(HASH_KIND, { description: "What stays on one endpoint." }) },
        { description: "Consistent hashing." },
      ),
    }),
  ],
  {
    description:
      "Which endpoint a request goes to. `round-robin` by weight; `least-connections`; `p2c`: the less loaded of two drawn at random; `ewma`: the fastest lately; `random`; `failover`: the first that is available, in order; `{ hash: { by: … } }`: always the same one for a client IP, path, header, cookie or query parameter, and few move when an endpoint leaves.",
    default: "round-robin",
  },
);

const { upstream } = DEFAULTS;

const Timeouts = record({
  connect: optional(duration({ description: "To connect, TLS included.", default: upstream.timeouts.connectMs })),
  firstByte: optional(
    duration({ description: "From the request's end to the reply's head.", default: upstream.timeouts.firstByteMs }),
  ),
  idle: optional(
    duration({
      description: "Between two reads of a reply's body. Event streams and tunnels have `timeouts.streamIdle`.",
      default: upstream.timeouts.idleMs,
    }),
  ),
  total: optional(
    duration({ description: "The whole exchange, body included. Trap: it cuts long downloads. Default: none." }),
  ),
});

/** A count of this many in flight is none. */
export const MOST_IN_FLIGHT = 1_000_000;

const Queue = record(
  {
    max: integer({ min: 0, max: 1_000_000 }, { description: "Requests that wait; 0: nobody does." }),
    wait: optional(duration({ description: "The longest wait.", default: upstream.queueWaitMs })),
  },
  {
    description:
      "Who waits for a place below `maxInFlight`, in each worker, the most important first; the others are answered 503 at once. Default: nobody.",
  },
);

const Limits = record({
  maxConnections: optional(
    integer({ min: 1 }, { description: "In flight at one endpoint at once.", default: upstream.limits.maxConnections }),
  ),
  maxPending: optional(
    integer(
      { min: 0 },
      {
        description: "Requests that wait for a place at one endpoint; more are answered 503.",
        default: upstream.limits.maxPending,
      },
    ),
  ),
  maxInFlight: optional(
    integer(
      { min: 1, max: MOST_IN_FLIGHT },
      {
        description:
          "In flight at all endpoints together, over all workers; more wait or are answered 503. Default: no limit.",
      },
    ),
  ),
  queue: optional(Queue),
  adaptive: optional(
    bool({
      description: `Finds the limit by itself, from how latency grows, up to \`maxInFlight\` (then ${upstream.adaptiveMax} unless it is given).`,
      default: false,
    }),
  ),
});

const Tls = record({
  ca: optional(text({ description: "PEM file of the authorities to trust instead of the system's." })),
  cert: optional(text({ description: "PEM file of our client certificate. Needs `key`." })),
  key: optional(text({ description: "PEM file of its private key.", secret: true })),
  serverName: optional(text({ description: "Name to ask for and to verify. Default: the endpoint's host." })),
  insecure: optional(
    bool({
      description: "Accepts any certificate. Trap: anyone on the way can read and change everything.",
      default: false,
    }),
  ),
});

export const UpstreamSchema = record({
  name: name({ description: "What routes call it." }),
  endpoints: optional(Type.Array(Endpoint, { description: "Where it is. Or `url` for a single one." })),
  url: optional(url),
  protocol: optional(
    choice(["http1", "http2", "http3"], {
      description:
        "What the endpoints speak. `http2` and `http3` need https endpoints. Trap: `http3` takes no `tls.ca`, `cert`, `key` or `serverName` (Bun 1.4.5 cannot).",
      default: "http1",
    }),
  ),
  tls: optional({ ...Tls, description: "How https endpoints are verified." } as typeof Tls),
  balance: optional(Balance),
  sticky: optional(
    record(
      { cookie: text({ description: "Name of the cookie Sluice sets." }) },
      { description: "A client stays with the endpoint it was first sent to, by a cookie." },
    ),
  ),
  retries: optional(RetriesSchema),
  timeout: optional(duration({ description: "Alias of `timeouts.firstByte`." })),
  timeouts: optional({ ...Timeouts, description: "How long each part may take." } as typeof Timeouts),
  limits: optional({
    ...Limits,
    description: "What the upstream and each endpoint is asked to bear.",
  } as typeof Limits),
  health: optional(HealthSchema),
  circuitBreaker: optional(BreakerSchema),
});

/** Proxymity's list: together they are one upstream, balanced round-robin, behind a route for every path. */
export const backendField = optional(
  Type.Array(Endpoint, {
    description:
      "Proxymity's spelling: these endpoints are one upstream called `backend`, which gets every path no route takes.",
  }),
);

export type UpstreamConfig = Static<typeof UpstreamSchema>;
export type EndpointConfig = Static<typeof Endpoint>;
