import { Type, type Static } from "@sinclair/typebox";
import { DEFAULTS } from "./defaults.ts";
import { oneOrMany, optional, record } from "./schema-kit.ts";
import {
  bool,
  choice,
  duration,
  hostPattern,
  integer,
  name,
  PATH_PATTERN_KIND,
  size,
  text,
  wordOr,
} from "./schema-scalars.ts";

const ListenerTls = record({
  cert: text({
    description: "PEM file of the certificate chain, leaf first; relative to this file. PEM text works too.",
  }),
  key: text({ description: "PEM file of its private key, without a passphrase.", secret: true }),
  clientCa: optional(
    text({
      description: "PEM file of the authorities that sign client certificates; clients without one are refused.",
    }),
  ),
  serverNames: optional(
    oneOrMany(hostPattern({ description: "A name this certificate serves." }), {
      description: "Names this certificate is chosen for. Default: the DNS names inside the certificate.",
    }),
  ),
});

const listenerFields = {
  health: optional(
    wordOr(false, PATH_PATTERN_KIND, {
      description:
        "A path this listener answers itself, on any host, before any route: 200 while ready, 503 while draining. Default: off. It hides a route on the same path.",
    }),
  ),
  edge: optional(
    choice(["auto", "wire", "serve"], {
      description:
        "How the listener speaks. `serve`: Bun.serve, needed for HTTP/2 and HTTP/3. `wire`: our own HTTP/1.1 codec, byte-exact. `auto` picks; see edges.md for what differs.",
      default: "auto",
    }),
  ),
  tls: optional(
    oneOrMany(ListenerTls, {
      description:
        "Serves HTTPS. A list holds several certificates, chosen by the name the client asks for; the first is the default.",
    }),
  ),
  http2: optional(bool({ description: "HTTP/2 beside HTTP/1.1. Needs `tls`.", default: false })),
  http3: optional(
    bool({
      description: "HTTP/3 on the same port number, over UDP. Needs `tls`; open the UDP port too.",
      default: false,
    }),
  ),
  redirectToHttps: optional(
    bool({
      description: "Answers every request with a redirect to https. Only for a listener without `tls`.",
      default: false,
    }),
  ),
  proxyProtocol: optional(
    bool({
      description:
        "Connections begin with a PROXY protocol header (v1 or v2) that names the client. Trap: only behind a load balancer that sends it, or clients choose their own address.",
      default: false,
    }),
  ),
};

const host = (fallback: string) =>
  text({
    description: "Address to bind: `0.0.0.0` for every IPv4 address, `::` for IPv6, `127.0.0.1` for this machine only.",
    default: fallback,
  });

export const ListenerSchema = record({
  name: optional(name({ description: "For routes' `listeners`, logs and metrics. Default: `host:port`." })),
  host: optional(host(DEFAULTS.listener.host)),
  port: integer({ min: 0, max: 65535 }, { description: "TCP port. 0: the system picks a free one." }),
  ...listenerFields,
});

export const ProxySchema = record({
  host: optional(host(DEFAULTS.listener.host)),
  port: optional(
    integer(
      { min: 0, max: 65535 },
      { description: "TCP port. 0: the system picks a free one.", default: DEFAULTS.listener.port },
    ),
  ),
  timeout: optional(
    duration({
      description: "Until the first byte of a reply, for upstreams that set no timeout of their own.",
      default: "30s",
    }),
  ),
  maxBodySize: optional(
    size({ description: "The largest request body, as `limits.maxBodySize` (which wins where both are given)." }),
  ),
  ...listenerFields,
});

export const listenersField = optional(
  Type.Array(ListenerSchema, { description: "Addresses to listen on. Default: one on 0.0.0.0:8080." }),
);

export type ListenerConfig = Static<typeof ListenerSchema>;
export type ListenerTlsConfig = Static<typeof ListenerTls>;
