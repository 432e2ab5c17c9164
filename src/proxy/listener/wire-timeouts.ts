import { GatewayError } from "../../model/gateway-error.ts";
import { HeaderMap } from "../../model/header-map.ts";
import type { DownstreamTimeoutsSpec } from "../../model/snapshot-spec.ts";
import type { WireConnection } from "./wire-connection.ts";

/** How long what a client still sends after its last reply is read away (RFC 9112 §9.6). */
const LINGER_MS = 2_000;
/** A client that waits for 100 is told to go on when the upstream stays silent for this long (RFC 9110 §10.1.1). */
const CONTINUE_MS = 1_000;

/** One look at a connection by the coarse clock. */
export function enforceTimeouts(connection: WireConnection, now: number, timeouts: DownstreamTimeoutsSpec): void {
  if (connection.exchange !== null) return enforceDuringExchange(connection, now, timeouts);
  if (connection.lingering) {
    if (now - connection.idleSince > LINGER_MS) connection.terminate();
  } else if (connection.reader.headSince !== 0) {
    if (now - connection.reader.headSince > timeouts.headMs)
      connection.refuse(new GatewayError("request_timeout", "slow head"));
  } else if (now - connection.idleSince > timeouts.keepAliveMs || now >= connection.host.leaveAt) {
    connection.close();
  }
}

function enforceDuringExchange(connection: WireConnection, now: number, timeouts: DownstreamTimeoutsSpec): void {
  const { responder, body, readAt } = connection;
  const { out } = responder;
  if (responder.tunnelled) {
    const quietSince = Math.max(readAt, out.wroteAt);
    if (timeouts.streamIdleMs !== null && now - quietSince > timeouts.streamIdleMs)
      responder.bodyCut(gone("a quiet tunnel"));
    return;
  }
  if (out.blocked && now - out.wroteAt > timeouts.bodyIdleMs)
    return responder.bodyCut(gone("the client stopped reading"));
  if (body === null || body.paused) return;
  if (responder.expectsContinue && body.size === 0) {
    if (now - readAt > CONTINUE_MS) responder.informational(100, new HeaderMap());
  } else if (now - readAt > timeouts.bodyIdleMs) {
    connection.exchange?.running?.cancel(new GatewayError("request_timeout", "the client stopped sending its body"));
  }
}

function gone(detail: string): GatewayError {
  return new GatewayError("client_closed", detail);
}
