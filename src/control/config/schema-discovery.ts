import { Type } from "@sinclair/typebox";
import { DEFAULTS } from "./defaults.ts";
import { anything, oneOrMany, optional, record, scalar, type ScalarKind } from "./schema-kit.ts";
import { Docker } from "./schema-docker.ts";
import { bool, choice, duration, integer, name, text } from "./schema-scalars.ts";

const { discovery } = DEFAULTS;

const SPLIT = /^(header|query):[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;
const SPLIT_KIND: ScalarKind<string> = {
  expected: "header:NAME or query:NAME",
  json: { type: "string", pattern: SPLIT.source },
  read: (node) => (typeof node.value === "string" && SPLIT.test(node.value) ? { value: node.value } : null),
};

const Registry = record(
  {
    enabled: optional(bool({ description: "false: nobody can register.", default: true })),
    listener: optional(
      name({
        description:
          "Name of a proxy listener that carries the registry's API, too. Off loopback that takes `admin.token`. Default: the admin listener alone.",
      }),
    ),
    keepPrefix: optional(
      bool({
        description: "`/shop/cart` goes on as it is, instead of as `/cart`.",
        default: discovery.registry.keepPrefix,
      }),
    ),
    splitByVersion: optional(
      scalar(SPLIT_KIND, {
        description:
          "`header:X-Version` or `query:v`: requests that name a version go to the instances that registered with it in `metadata.version`. Default: versions share the traffic.",
      }),
    ),
    balance: optional(
      choice(["round-robin", "least-connections", "p2c", "ewma", "random"], {
        description: "How instances of a service share its traffic.",
        default: discovery.registry.balance,
      }),
    ),
    checks: optional(
      Type.Union(
        [
          bool({ description: "false: nobody checks them." }),
          record({
            interval: optional(duration({ description: "Between two checks." })),
            timeout: optional(duration({ description: "For one check." })),
          }),
        ],
        {
          description: "How instances are checked: with a TCP connection, or at their `metadata.health`.",
          default: true,
        },
      ),
    ),
    maxInstances: optional(
      integer({ min: 1, max: 100_000 }, { description: "More are refused.", default: discovery.registry.maxInstances }),
    ),
    maxServices: optional(
      integer({ min: 1, max: 10_000 }, { description: "More are refused.", default: discovery.registry.maxServices }),
    ),
  },
  { description: "Services register themselves over HTTP, as with FluxGate: `POST /api/v1/services/register`." },
);

const Dns = record(
  {
    servers: optional(
      oneOrMany(text({ description: "A server, such as `10.0.0.2` or `[::1]:5353`." }), {
        description:
          "Who is asked for names under `dns:`. Default: the machine's hosts file, its servers, then its resolver.",
      }),
    ),
    family: optional(
      choice(["auto", "ipv4", "ipv6", "both"], {
        description: "`auto`: IPv4 where there is any.",
        default: discovery.dns.family,
      }),
    ),
    grace: optional(
      duration({
        description: "How long a name that DNS no longer knows keeps its endpoints.",
        default: discovery.dns.graceMs,
      }),
    ),
    timeout: optional(duration({ description: "For one server to answer.", default: discovery.dns.timeoutMs })),
  },
  { description: "How names under `endpoints: [{ dns: … }]` are looked up." },
);

export const discoveryField = optional(
  record(
    {
      registry: optional(Registry),
      docker: optional(Docker),
      dns: optional(Dns),
      gossip: optional(anything({ description: "Members that tell each other.", later: true })),
    },
    { description: "Finds services by itself. What it finds never wins over a route that is written down." },
  ),
);
