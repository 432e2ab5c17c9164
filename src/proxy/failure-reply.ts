import { STATUS_CODES } from "node:http";
import { BytesBody } from "../model/body.ts";
import { failureOf, type ErrorKind, type GatewayError } from "../model/gateway-error.ts";
import { HeaderMap } from "../model/header-map.ts";
import type { Reply } from "../model/reply.ts";

/** Seconds after which a client may try again, where waiting helps and nobody knows better. */
const RETRY_AFTER: Partial<Record<ErrorKind, string>> = {
  no_healthy_endpoint: "5",
  circuit_open: "5",
  overloaded: "1",
  draining: "1",
  rate_limited: "1",
};

/**
 * The reply to a failure: problem+json (RFC 9457) with Proxy-Status (RFC 9209). It says what kind of failure it was and how to
 * find it in the log, and nothing about addresses, paths or stacks.
 */
export function failureReply(error: GatewayError, requestId: string): Reply {
  const failure = failureOf(error.kind);
  const problem = {
    type: "about:blank",
    title: failure.title,
    status: error.status,
    ...(error.publicDetail === undefined ? {} : { detail: error.publicDetail }),
    code: error.kind,
    requestId,
  };
  const body = BytesBody.text(`${JSON.stringify(problem)}\n`);
  const headers = new HeaderMap(
    ["Content-Type", "Content-Length", "Proxy-Status", "Cache-Control"],
    ["application/problem+json", String(body.length), `sluice; error=${failure.proxyStatus}`, "no-store"],
  );
  const retryAfter =
    error.retryAfterSeconds?.toString() ?? RETRY_AFTER[error.kind] ?? (error.status === 503 ? "5" : undefined);
  if (retryAfter !== undefined) headers.push("Retry-After", retryAfter);
  // RFC 9110 §11.6.1: a 401 names a way to authenticate.
  if (error.kind === "unauthorized") headers.push("WWW-Authenticate", 'ApiKey realm="sluice"');
  return {
    status: error.status,
    reason: error.status === failure.status ? failure.title : (STATUS_CODES[error.status] ?? ""),
    headers,
    body,
  };
}
