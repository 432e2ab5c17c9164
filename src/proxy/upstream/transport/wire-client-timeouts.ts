import { GatewayError } from "../../../model/gateway-error.ts";
import type { WireClient } from "./wire-client.ts";

const IDLE_MS = 60_000;
const MAX_AGE_MS = 60 * 60_000;

export function isTooOld(bornAt: number, now: number): boolean {
  return now - bornAt > MAX_AGE_MS;
}

/** One look at an upstream connection by the coarse clock. */
export function enforceClientTimeouts(client: WireClient, now: number): void {
  const { dispatch, reply, request } = client;
  if (dispatch === null) {
    if (reply === null && now - client.idleSince > IDLE_MS) client.close();
    return;
  }
  // Whoever dials has a clock of its own.
  if (!client.connected) return;
  const { timeouts, streamIdleMs } = dispatch.attempt;
  if (reply !== null) {
    const limit = client.replyMayIdle ? streamIdleMs : timeouts.idleMs;
    const quietSince = client.tunnelled ? Math.max(client.readAt, request.out.wroteAt) : client.readAt;
    if (limit !== null && !reply.paused && now - quietSince > limit) client.lose(timedOut("the reply stalled"));
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
