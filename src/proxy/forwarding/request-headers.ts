import type { Exchange } from "../../model/exchange.ts";
import { HeaderMap, sameName } from "../../model/header-map.ts";
import { connectionNames, isHopByHop } from "./hop-by-hop.ts";

/** What this proxy calls itself in `Via` (RFC 9110 §7.6.3). */
const PSEUDONYM = "sluice";

/** More of our own entries in `Via` than any sane chain of gateways has. */
const MAX_HOPS = 10;

/**
 * The fields of an attempt: the exchange's own, in their order, without what belongs to the downstream connection, then what
 * every proxied request gets. What an untrusted peer says about the client is replaced; a trusted one's is continued.
 */
export function requestHeaders(exchange: Exchange, authority: string): HeaderMap {
  const source = exchange.outgoing.headers;
  const names = source.rawNames;
  const values = source.rawValues;
  const outNames: string[] = [];
  const outValues: string[] = [];
  const named = source.fromCodec ? null : connectionNames(source);
  const trusted = exchange.peer.trusted;
  let forwardedFor = "";
  let proto = "";
  let forwardedHost = "";
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!;
    const value = values[i]!;
    switch (special(name)) {
      case Special.none:
        if (named !== null && named.has(name.toLowerCase())) continue;
        outNames.push(name);
        outValues.push(value);
        continue;
      case Special.host:
        outNames.push(name);
        outValues.push(authority);
        continue;
      case Special.forwardedFor:
        if (trusted) forwardedFor = forwardedFor === "" ? value : `${forwardedFor}, ${value}`;
        continue;
      case Special.forwardedProto:
        if (trusted) proto = value;
        continue;
      case Special.forwardedHost:
        if (trusted) forwardedHost = value;
        continue;
      case Special.client:
        if (trusted) {
          outNames.push(name);
          outValues.push(value);
        }
        continue;
      default:
        continue;
    }
  }
  const address = exchange.peer.address;
  outNames.push("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Request-Id", "Via");
  outValues.push(
    forwardedFor === "" ? address : `${forwardedFor}, ${address}`,
    proto === "" ? exchange.scheme : proto,
    forwardedHost === "" ? exchange.received.authority : forwardedHost,
    exchange.id,
    VIA[exchange.received.version],
  );
  const headers = new HeaderMap(outNames, outValues);
  headers.fromCodec = source.fromCodec;
  return headers;
}

const VIA = {
  "1.0": `1.0 ${PSEUDONYM}`,
  "1.1": `1.1 ${PSEUDONYM}`,
  "2": `2 ${PSEUDONYM}`,
  "3": `3 ${PSEUDONYM}`,
} as const;

const enum Special {
  none,
  dropped,
  host,
  forwardedFor,
  forwardedProto,
  forwardedHost,
  /** Tells who the client is in other words: believed from trusted peers only. */
  client,
}

function special(name: string): Special {
  switch (name.length) {
    case 4:
      return sameName(name, "host") ? Special.host : Special.none;
    case 9:
      return sameName(name, "x-real-ip") || sameName(name, "forwarded") ? Special.client : Special.none;
    case 12:
      // The exchange's id is added below, whoever gave it.
      return sameName(name, "x-request-id") ? Special.dropped : Special.none;
    case 15:
      return sameName(name, "x-forwarded-for") ? Special.forwardedFor : Special.none;
    case 16:
      if (sameName(name, "x-forwarded-host")) return Special.forwardedHost;
      return isHopByHop(name) ? Special.dropped : Special.none;
    case 17:
      if (sameName(name, "x-forwarded-proto")) return Special.forwardedProto;
      return isHopByHop(name) ? Special.dropped : Special.none;
    default:
      return isHopByHop(name) ? Special.dropped : Special.none;
  }
}

/** True when the request has been through a gateway of our name so often that it must be going in circles. */
export function isLooping(headers: HeaderMap): boolean {
  let hops = 0;
  for (let i = headers.indexOf("via"); i >= 0; i = headers.indexOf("via", i + 1)) {
    hops += headers.rawValues[i]!.split(` ${PSEUDONYM}`).length - 1;
  }
  return hops >= MAX_HOPS;
}
