import { GatewayError } from "../../../model/gateway-error.ts";
import type { WireClient } from "./wire-client.ts";

const IDLE_MS = 60_000;

/** One look at an upstream connection by the coarse clock. */
export function enforceClientTimeouts(client: WireClient, now: number): void {
  const { dispatch, reply, request } = client;
  const { body } = reply;
  if (dispatch === null) {
    if (body === null && now - client.idleSince > IDLE_MS) client.close();
    return;
  }
  // Whoever dials has a clock of its own.
  if (!client.link.up) return;
  const { timeouts, streamIdleMs } = dispatch.attempt;
  if (body !== null) {
    const limit = reply.mayIdle ? streamIdleMs : timeouts.idleMs;
    const quietSince = reply.tunnel === null ? reply.readAt : Math.max(reply.readAt, request.out.wroteAt);
    if (limit !== null && !body.paused && now - quietSince > limit) client.lose(timedOut("the reply stalled"));
    return;
  }
  // Until the request is out, only an upstream that does not take it keeps it waiting.
  const silent = request.sent
    ? now - request.sentAt > timeouts.firstByteMs
    : request.out.blocked && now - request.out.wroteAt > timeouts.firstByteMs;
  if (silent) client.lose(timedOut("no reply in time"));
}

function timedOut(detail: string): GatewayError {
  return new GatewayError("upstream_timeout", detail);
}
