import type { Exchange } from "../../model/exchange.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import { Verdict } from "../upstream/health/upstream-health.ts";
import type { Upstream } from "../upstream/upstream.ts";

/**
 * The endpoint of the next attempt, with leave of its breaker and of its upstream's; or why there is none. Who is given one tells
 * the upstream's health how it went, once.
 */
export function pickEndpoint(
  upstream: Upstream,
  exchange: Exchange,
  tried: readonly Endpoint[] | null,
  now: number,
): Endpoint | GatewayError {
  const { health } = upstream;
  let passed = tried;
  let endpoint = upstream.pick(exchange, passed);
  // A breaker that opened since the last tick, or has no probe left.
  while (endpoint !== null && !health.allows(endpoint, now)) {
    passed = passed === null ? [endpoint] : [...passed, endpoint];
    endpoint = upstream.pick(exchange, passed);
  }
  if (endpoint === null) return noEndpoint(upstream, passed !== tried, now);
  const { breaker } = health;
  if (breaker === null || breaker.allows(now)) return endpoint;
  endpoint.breaker?.cancelled(now, 0);
  return circuitOpen(`the circuit breaker of ${upstream.name} is open`, breaker.probesInMs(now));
}

function circuitOpen(detail: string, probesInMs: number): GatewayError {
  return new GatewayError("circuit_open", detail, { retryAfterSeconds: Math.max(1, Math.ceil(probesInMs / 1000)) });
}

function noEndpoint(upstream: Upstream, wasRefused: boolean, now: number): GatewayError {
  const { name, endpoints, available } = upstream;
  const isOpen = (endpoint: Endpoint) => endpoint.breaker !== null && !endpoint.breaker.mayAllow(now);
  if (wasRefused || (available.length === 0 && endpoints.some(isOpen))) {
    const soonest = endpoints.reduce(
      (ms, { breaker }) => (breaker === null ? ms : Math.min(ms, breaker.probesInMs(now))),
      Number.POSITIVE_INFINITY,
    );
    return circuitOpen(`the circuit breakers of ${name}'s endpoints are open`, soonest);
  }
  if (available.length > 0) return new GatewayError("overloaded", `every endpoint of ${name} is full`);
  return new GatewayError("no_healthy_endpoint", `no endpoint of ${name} is available`);
}

/** Whose fault an attempt's failure is. */
export function verdictOf({ kind }: GatewayError): typeof Verdict.gatewayError | typeof Verdict.nobody {
  switch (kind) {
    case "upstream_connect_failed":
    case "upstream_connect_timeout":
    case "upstream_reset":
    case "upstream_bad_response":
    case "upstream_timeout":
      return Verdict.gatewayError;
    default:
      return Verdict.nobody;
  }
}

export function verdictOfStatus(
  status: number,
): typeof Verdict.ok | typeof Verdict.serverError | typeof Verdict.gatewayError {
  if (status < 500) return Verdict.ok;
  return status >= 502 && status <= 504 ? Verdict.gatewayError : Verdict.serverError;
}
