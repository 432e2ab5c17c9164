import { Type } from "@sinclair/typebox";
import { mapOf, optional, record } from "./schema-kit.ts";
import { addressBlock, choice, fieldValue, hostPattern, looseText, text } from "./schema-scalars.ts";

const Auth = record(
  {
    type: optional(
      choice(["apiKey", "jwt", "basic", "none"], {
        description:
          "How clients authenticate. For anything but `apiKey`, name the plugin (`jwt`, `basic-auth`) in the route's `plugins`.",
        default: "apiKey",
      }),
    ),
    header: optional(text({ description: "Header that carries the key.", default: "X-API-Key" })),
    keys: optional(
      Type.Array(
        Type.Union([
          looseText({ description: "A key.", secret: true }),
          record({
            name: optional(text({ description: "Whose key." })),
            id: optional(text({ description: "Its public part." })),
            key: optional(looseText({ description: "The key.", secret: true })),
            hash: optional(
              text({
                description:
                  "Its hash, instead of the key, as `sluice keys add` writes it: `hmac-sha256:SALT:HEX`, or `sha256:HEX`.",
                secret: true,
              }),
            ),
            scopes: optional(Type.Array(text({ description: "A scope." }), { description: "What it may do." })),
            expires: optional(text({ description: "When it ends, such as `2027-01-31` or `2027-01-31T12:00:00Z`." })),
          }),
        ]),
        { description: "Accepted keys. None: nobody can authenticate." },
      ),
    ),
  },
  { description: "What `auth: required` on a route asks for." },
);

export const securityField = optional(
  record(
    {
      allowedHosts: optional(
        Type.Array(hostPattern({ description: "A host pattern." }), {
          description:
            "Hosts that may be dialled, as `api.example.com` or `*.corp`; anything else answers 502. Default: any. An empty list allows none.",
          refusesNull: true,
        }),
      ),
      blockedIPs: optional(
        Type.Array(addressBlock({ description: "An address or CIDR block." }), {
          description:
            "Addresses that are never dialled, whatever name leads there. Names never lead to link-local or metadata addresses anyway.",
          refusesNull: true,
        }),
      ),
      auth: optional(Auth),
      headers: optional(
        mapOf(fieldValue({ description: "A value." }), {
          description: "Added to every reply that does not have them already.",
        }),
      ),
    },
    { description: "What is allowed." },
  ),
);

export const trustedProxiesField = optional(
  Type.Array(addressBlock({ description: "An address or CIDR block." }), {
    description:
      "Peers whose X-Forwarded-* and X-Request-Id are believed. Trap: whoever stands in these blocks can claim any client address. Default: nobody.",
  }),
);
