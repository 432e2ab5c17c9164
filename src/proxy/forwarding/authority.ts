import { isIP } from "node:net";
import type { Exchange } from "../../model/exchange.ts";
import type { Endpoint } from "../upstream/endpoint.ts";

/**
 * The Host of an attempt. Default: the client's for http endpoints and addresses, the endpoint's own for https endpoints with a
 * DNS name, which usually serve by name.
 */
export function forwardedAuthority(exchange: Exchange, endpoint: Endpoint, preserve: boolean | null): string {
  const keep = preserve ?? (endpoint.scheme === "http" || isIP(endpoint.name) !== 0);
  // HTTP/1.0 may come without Host.
  return keep && exchange.outgoing.authority !== "" ? exchange.outgoing.authority : endpoint.authority;
}
