import { Type, type Static } from "@sinclair/typebox";
import { DEFAULTS } from "./defaults.ts";
import { anything, oneOrMany, optional, record, scalar, type ScalarKind } from "./schema-kit.ts";
import { bool, choice, decimal, duration, durationOrZero, integer, looseText, name, text } from "./schema-scalars.ts";

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
  url,
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

const RETRY_ON = ["connect-failure", "reset", "timeout", "5xx", "502", "503", "504", "idempotent", "safe"] as const;
const retryCount = integer({ min: 0, max: 20 }, { description: "Attempts after the first.", default: 1 });

const Retries = Type.Union(
  [
    retryCount,
    record({
      max: optional(retryCount),
      on: optional(
        oneOrMany(choice(RETRY_ON, { description: "A reason to try again." }), {
          description: "What is worth another attempt.",
          later: true,
        }),
      ),
      perTry: optional(
        duration({ description: "Until the reply's head, of each attempt. Default: what is left of the timeout." }),
      ),
    }),
  ],
  {
    description:
      "Attempts after the first, on other endpoints where there are some. Trap: once this is given, idempotent requests (GET, PUT, DELETE …) whose outcome is unknown are sent again too; without it, one retry of what provably was not processed. POST is never sent twice.",
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

const CircuitBreaker = record(
  {
    enabled: optional(bool({ description: "Off with false.", default: true })),
    failureThreshold: optional(
      integer({ min: 1 }, { description: "Failures in a row that open it (FlexGate: a percentage)." }),
    ),
    failureRatio: optional(decimal({ min: 0, max: 1 }, { description: "Share of failures that opens it." })),
    minimumRequests: optional(integer({ min: 1 }, { description: "Requests before the ratio counts." })),
    window: optional(duration({ description: "What is looked back at." })),
    openDuration: optional(duration({ description: "How long it stays open before it probes." })),
    successThreshold: optional(
      integer({ min: 1 }, { description: "Probes that must succeed to close it (FlexGate)." }),
    ),
    halfOpenRequests: optional(integer({ min: 1 }, { description: "Probes at once (FlexGate)." })),
    timeout: optional(duration({ description: "A slower reply counts as a failure (FlexGate)." })),
  },
  { description: "Stops sending to an upstream that fails.", later: true },
);

const Health = record(
  {
    active: optional(
      record(
        {
          path: optional(text({ description: "What to ask for.", default: "/" })),
          interval: optional(duration({ description: "Between two checks.", default: "10s" })),
          timeout: optional(duration({ description: "Of one check." })),
          expect: optional(
            oneOrMany(looseText({ description: "A status such as 200 or 2xx." }), {
              description: "Statuses that count as healthy.",
            }),
          ),
          host: optional(text({ description: "Host header of a check." })),
          healthyAfter: optional(integer({ min: 1 }, { description: "Successes in a row." })),
          unhealthyAfter: optional(integer({ min: 1 }, { description: "Failures in a row." })),
        },
        { description: "Asks each endpoint from time to time." },
      ),
    ),
    passive: optional(
      record(
        {
          consecutiveFailures: optional(
            integer({ min: 1 }, { description: "Failures in a row that eject an endpoint." }),
          ),
          ejectFor: optional(durationOrZero({ description: "How long it stays out the first time." })),
          maxEjected: optional(
            decimal({ min: 0, max: 1 }, { description: "Share of the endpoints that may be out at once." }),
          ),
          slow: optional(anything({ description: "Ejects endpoints much slower than their peers." })),
        },
        { description: "Learns from real traffic." },
      ),
    ),
  },
  { description: "When an endpoint takes no traffic.", later: true },
);

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
  retries: optional(Retries),
  timeout: optional(duration({ description: "Alias of `timeouts.firstByte`." })),
  timeouts: optional({ ...Timeouts, description: "How long each part may take." } as typeof Timeouts),
  limits: optional({ ...Limits, description: "What one endpoint is asked to bear." } as typeof Limits),
  health: optional(Health),
  circuitBreaker: optional(CircuitBreaker),
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
