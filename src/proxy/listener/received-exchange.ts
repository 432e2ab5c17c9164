import { BytesBody } from "../../model/body.ts";
import { Exchange, type Peer } from "../../model/exchange.ts";
import type { RequestHead } from "../http1/request-head.ts";
import type { IncomingBody } from "../wire/incoming-body.ts";
import type { WireHost } from "./wire-host.ts";

const EMPTY_BODY = new BytesBody(new Uint8Array(0));

/** The exchange that a request on a byte connection begins; `incoming` is its body when it has octets. */
export function receivedExchange(
  head: RequestHead,
  incoming: IncomingBody | null,
  peer: Peer,
  { context, spec }: Pick<WireHost, "context" | "spec">,
): Exchange {
  return new Exchange({
    received: head,
    scheme: spec.tls.length > 0 ? "https" : "http",
    host: head.host,
    peer,
    listener: spec.name,
    requestBody: incoming ?? (head.framing === 0 ? EMPTY_BODY : null),
    // What a client sends behind an upgrading request that has a body could be read in two ways.
    upgrade: incoming === null ? head.upgrade : null,
    startedAt: context.clock.now(),
    origins: context.door,
    edge: "wire",
  });
}
