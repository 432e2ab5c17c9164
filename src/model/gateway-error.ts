/** Everything that can go wrong with an exchange; the same word is the reply's `code`, the metric label and the log field. */
export type ErrorKind =
  | "bad_request"
  | "request_timeout"
  | "body_too_large"
  | "uri_too_long"
  | "misdirected_request"
  | "header_too_large"
  | "method_not_supported"
  | "version_not_supported"
  | "loop_detected"
  | "no_route"
  | "unauthorized"
  | "forbidden"
  | "rate_limited"
  | "upstream_connect_failed"
  | "upstream_reset"
  | "upstream_bad_response"
  | "upstream_forbidden"
  | "plugin_failed"
  | "no_healthy_endpoint"
  | "circuit_open"
  | "overloaded"
  | "draining"
  | "upstream_connect_timeout"
  | "upstream_timeout"
  | "internal"
  | "client_closed";

export type ErrorSide = "downstream" | "upstream" | "internal";

/** May the request be sent again? `safe`: provably not processed. `if-idempotent`: perhaps processed. */
export type RetryVerdict = "never" | "if-idempotent" | "safe";

interface Failure {
  readonly status: number;
  readonly title: string;
  readonly side: ErrorSide;
  readonly retry: RetryVerdict;
  /** Error type of RFC 9209 §2.3. */
  readonly proxyStatus: string;
}

const f = (
  ...[status, title, side, retry, proxyStatus]: [number, string, ErrorSide, RetryVerdict, string]
): Failure => ({ status, title, side, retry, proxyStatus });

const FAILURES: Readonly<Record<ErrorKind, Failure>> = {
  bad_request: f(400, "Bad Request", "downstream", "never", "http_request_error"),
  request_timeout: f(408, "Request Timeout", "downstream", "never", "http_request_error"),
  body_too_large: f(413, "Content Too Large", "downstream", "never", "http_request_error"),
  uri_too_long: f(414, "URI Too Long", "downstream", "never", "http_request_error"),
  misdirected_request: f(421, "Misdirected Request", "downstream", "never", "http_request_error"),
  header_too_large: f(431, "Request Header Fields Too Large", "downstream", "never", "http_request_error"),
  method_not_supported: f(501, "Not Implemented", "downstream", "never", "http_request_error"),
  version_not_supported: f(505, "HTTP Version Not Supported", "downstream", "never", "http_request_error"),
  loop_detected: f(508, "Loop Detected", "downstream", "never", "proxy_loop_detected"),
  no_route: f(404, "Not Found", "downstream", "never", "destination_not_found"),
  unauthorized: f(401, "Unauthorized", "downstream", "never", "http_request_denied"),
  forbidden: f(403, "Forbidden", "downstream", "never", "http_request_denied"),
  rate_limited: f(429, "Too Many Requests", "downstream", "never", "http_request_denied"),
  upstream_connect_failed: f(502, "Bad Gateway", "upstream", "safe", "connection_refused"),
  upstream_reset: f(502, "Bad Gateway", "upstream", "if-idempotent", "connection_terminated"),
  upstream_bad_response: f(502, "Bad Gateway", "upstream", "never", "http_protocol_error"),
  upstream_forbidden: f(502, "Bad Gateway", "upstream", "never", "destination_ip_prohibited"),
  plugin_failed: f(502, "Bad Gateway", "internal", "never", "proxy_internal_error"),
  no_healthy_endpoint: f(503, "Service Unavailable", "upstream", "never", "destination_unavailable"),
  circuit_open: f(503, "Service Unavailable", "upstream", "never", "destination_unavailable"),
  overloaded: f(503, "Service Unavailable", "internal", "never", "connection_limit_reached"),
  draining: f(503, "Service Unavailable", "internal", "never", "proxy_internal_response"),
  upstream_connect_timeout: f(504, "Gateway Timeout", "upstream", "safe", "connection_timeout"),
  upstream_timeout: f(504, "Gateway Timeout", "upstream", "if-idempotent", "http_response_timeout"),
  internal: f(500, "Internal Server Error", "internal", "never", "proxy_internal_error"),
  client_closed: f(499, "Client Closed Request", "downstream", "never", "http_request_error"),
};

/**
 * Why an exchange failed. Not an `Error`: a stack costs a microsecond, says nothing about a peer's fault, and must never leak.
 * `detail` is for the log and may name addresses; the reply shows only what `publicDetail` says.
 */
export class GatewayError {
  readonly kind: ErrorKind;
  readonly side: ErrorSide;
  readonly retry: RetryVerdict;
  readonly detail: string;
  readonly publicDetail: string | undefined;
  readonly cause: unknown;

  constructor(
    kind: ErrorKind,
    detail = "",
    options: { retry?: RetryVerdict; cause?: unknown; publicDetail?: string } = {},
  ) {
    const failure = FAILURES[kind];
    this.kind = kind;
    this.side = failure.side;
    this.retry = options.retry ?? failure.retry;
    this.detail = detail;
    this.publicDetail = options.publicDetail;
    this.cause = options.cause;
  }
}

/** The one place that knows which status and which Proxy-Status error (RFC 9209) a failure answers with. */
export function failureOf(kind: ErrorKind): Failure {
  return FAILURES[kind];
}

export const ERROR_KINDS = Object.keys(FAILURES) as readonly ErrorKind[];
