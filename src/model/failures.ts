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

export interface Failure {
  readonly status: number;
  readonly title: string;
  readonly side: ErrorSide;
  readonly retry: RetryVerdict;
  /** Error type of RFC 9209 §2.3. */
  readonly proxyStatus: string;
}

/** The one place that knows which status and which Proxy-Status error (RFC 9209) a failure answers with. */
export const FAILURES: Readonly<Record<ErrorKind, Failure>> = {
  bad_request: {
    status: 400,
    title: "Bad Request",
    side: "downstream",
    retry: "never",
    proxyStatus: "http_request_error",
  },
  request_timeout: {
    status: 408,
    title: "Request Timeout",
    side: "downstream",
    retry: "never",
    proxyStatus: "http_request_error",
  },
  body_too_large: {
    status: 413,
    title: "Content Too Large",
    side: "downstream",
    retry: "never",
    proxyStatus: "http_request_error",
  },
  uri_too_long: {
    status: 414,
    title: "URI Too Long",
    side: "downstream",
    retry: "never",
    proxyStatus: "http_request_error",
  },
  misdirected_request: {
    status: 421,
    title: "Misdirected Request",
    side: "downstream",
    retry: "never",
    proxyStatus: "http_request_error",
  },
  header_too_large: {
    status: 431,
    title: "Request Header Fields Too Large",
    side: "downstream",
    retry: "never",
    proxyStatus: "http_request_error",
  },
  method_not_supported: {
    status: 501,
    title: "Not Implemented",
    side: "downstream",
    retry: "never",
    proxyStatus: "http_request_error",
  },
  version_not_supported: {
    status: 505,
    title: "HTTP Version Not Supported",
    side: "downstream",
    retry: "never",
    proxyStatus: "http_request_error",
  },
  loop_detected: {
    status: 508,
    title: "Loop Detected",
    side: "downstream",
    retry: "never",
    proxyStatus: "proxy_loop_detected",
  },
  no_route: {
    status: 404,
    title: "Not Found",
    side: "downstream",
    retry: "never",
    proxyStatus: "destination_not_found",
  },
  unauthorized: {
    status: 401,
    title: "Unauthorized",
    side: "downstream",
    retry: "never",
    proxyStatus: "http_request_denied",
  },
  forbidden: {
    status: 403,
    title: "Forbidden",
    side: "downstream",
    retry: "never",
    proxyStatus: "http_request_denied",
  },
  rate_limited: {
    status: 429,
    title: "Too Many Requests",
    side: "downstream",
    retry: "never",
    proxyStatus: "http_request_denied",
  },
  upstream_connect_failed: {
    status: 502,
    title: "Bad Gateway",
    side: "upstream",
    retry: "safe",
    proxyStatus: "connection_refused",
  },
  upstream_reset: {
    status: 502,
    title: "Bad Gateway",
    side: "upstream",
    retry: "if-idempotent",
    proxyStatus: "connection_terminated",
  },
  upstream_bad_response: {
    status: 502,
    title: "Bad Gateway",
    side: "upstream",
    retry: "if-idempotent",
    proxyStatus: "http_protocol_error",
  },
  upstream_forbidden: {
    status: 502,
    title: "Bad Gateway",
    side: "upstream",
    retry: "never",
    proxyStatus: "destination_ip_prohibited",
  },
  plugin_failed: {
    status: 502,
    title: "Bad Gateway",
    side: "internal",
    retry: "never",
    proxyStatus: "proxy_internal_error",
  },
  no_healthy_endpoint: {
    status: 503,
    title: "Service Unavailable",
    side: "upstream",
    retry: "never",
    proxyStatus: "destination_unavailable",
  },
  circuit_open: {
    status: 503,
    title: "Service Unavailable",
    side: "upstream",
    retry: "never",
    proxyStatus: "destination_unavailable",
  },
  overloaded: {
    status: 503,
    title: "Service Unavailable",
    side: "internal",
    retry: "never",
    proxyStatus: "connection_limit_reached",
  },
  draining: {
    status: 503,
    title: "Service Unavailable",
    side: "internal",
    retry: "never",
    proxyStatus: "proxy_internal_response",
  },
  upstream_connect_timeout: {
    status: 504,
    title: "Gateway Timeout",
    side: "upstream",
    retry: "safe",
    proxyStatus: "connection_timeout",
  },
  upstream_timeout: {
    status: 504,
    title: "Gateway Timeout",
    side: "upstream",
    retry: "if-idempotent",
    proxyStatus: "http_response_timeout",
  },
  internal: {
    status: 500,
    title: "Internal Server Error",
    side: "internal",
    retry: "never",
    proxyStatus: "proxy_internal_error",
  },
  client_closed: {
    status: 499,
    title: "Client Closed Request",
    side: "downstream",
    retry: "never",
    proxyStatus: "http_request_error",
  },
};
