import type { Exchange } from "../../model/exchange.ts";
import type { GatewayError } from "../../model/gateway-error.ts";
import type { Reply } from "../../model/reply.ts";
import type { RetrySpec } from "../../model/snapshot-spec.ts";
import { parseRetryAfter } from "../upstream/health/back-off.ts";

/** RFC 9110 §9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

export function isIdempotent(exchange: Exchange): boolean {
  return IDEMPOTENT.has(exchange.outgoing.method);
}

/** Can the request be sent again at all: attempts left, and its body still whole? */
export function hasAnother({ attempts, requestBody }: Exchange, policy: RetrySpec): boolean {
  return attempts <= policy.max && (requestBody === null || !requestBody.used);
}

/** Only what provably was not processed, or may be processed twice. */
export function mayRetryFailure(error: GatewayError, exchange: Exchange, policy: RetrySpec): boolean {
  if (!hasAnother(exchange, policy)) return false;
  if (error.retry === "safe") return true;
  if (error.retry !== "if-idempotent" || !isIdempotent(exchange)) return false;
  return error.kind === "upstream_timeout" ? policy.on.timeout : policy.on.reset;
}

export function mayRetryReply(reply: Reply, exchange: Exchange, policy: RetrySpec): boolean {
  if (policy.on.statuses.length === 0 || !policy.on.statuses.includes(reply.status)) return false;
  return isIdempotent(exchange) && hasAnother(exchange, policy);
}

/** How long a reply asks to be left alone, in ms; null: it does not say. */
export function retryAfterOf(reply: Reply, wallNow: number): number | null {
  const value = reply.headers.first("retry-after");
  return value === null ? null : parseRetryAfter(value, wallNow);
}
