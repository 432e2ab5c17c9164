import { GatewayError } from "../../../model/gateway-error.ts";

/** The connection never came to be, so the request was not seen by anybody. */
const NOT_CONNECTED: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ConnectionRefused",
  "FailedToOpenSocket",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENOENT",
  "EACCES",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
  "EMFILE",
]);

/** What is wrong with a certificate, where OpenSSL's word for it does not say CERT. */
const UNVERIFIED: ReadonlySet<string> = new Set([
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_CRL",
  "HOSTNAME_MISMATCH",
  "INVALID_CA",
  "INVALID_PURPOSE",
  "PATH_LENGTH_EXCEEDED",
]);

/** An answer came, but not one of HTTP. */
const MALFORMED: ReadonlySet<string> = new Set([
  "UnrequestedUpgrade",
  "HTTP2Unsupported",
  "HTTP2ProtocolError",
  "Malformed_HTTP_Response",
]);

/** What `fetch` throws before the reply's head, by the codes that were seen with Bun 1.4.5. */
export function connectError(cause: unknown, where: string): GatewayError {
  if (cause instanceof GatewayError) return cause;
  const { code, message } = describe(cause);
  const detail = `${where}: ${code === "" ? message : code}`;
  if (NOT_CONNECTED.has(code)) return new GatewayError("upstream_connect_failed", detail, { cause });
  if (code === "ETIMEDOUT") return new GatewayError("upstream_connect_timeout", detail, { cause });
  // RFC 9113 §8.7: the stream was closed before anything was processed.
  if (code === "HTTP2RefusedStream") return new GatewayError("upstream_reset", detail, { cause, retry: "safe" });
  // Another attempt would meet the same certificate.
  if (isTls(code)) return new GatewayError("upstream_connect_failed", detail, { cause, retry: "never" });
  return bodyError(cause, where);
}

/** What reading a reply's body throws. */
export function bodyError(cause: unknown, where: string): GatewayError {
  if (cause instanceof GatewayError) return cause;
  const { code, message } = describe(cause);
  const detail = `${where}: ${code === "" ? message : code}`;
  const isMalformed = MALFORMED.has(code) || code.startsWith("Invalid") || code.startsWith("ERR_INVALID");
  return new GatewayError(isMalformed ? "upstream_bad_response" : "upstream_reset", detail, { cause });
}

function isTls(code: string): boolean {
  if (code === "HTTP3HandshakeFailed" || code === "EPROTO" || UNVERIFIED.has(code)) return true;
  return code.startsWith("ERR_TLS") || code.startsWith("ERR_SSL") || code.includes("CERT");
}

function describe(cause: unknown): { code: string; message: string } {
  const { code, message } = (cause ?? {}) as { code?: unknown; message?: unknown };
  return { code: typeof code === "string" ? code : "", message: typeof message === "string" ? message : String(cause) };
}
