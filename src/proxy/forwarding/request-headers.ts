import type { Exchange } from "../../model/exchange.ts";
import { HeaderMap, sameName } from "../../model/header-map.ts";
import { Watched } from "../../model/watched-fields.ts";
import { isForwardedName } from "../own-fields.ts";
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
  const untouched = source.fromCodec && source.uncut !== null && (source.uncut.seen & SAID) === 0;
  // Nearly every request: nothing of it has to change, so nothing is cut out of it. The writer sees to Host.
  if (untouched && source.pushedNames.length === 0) return untouchedWithForwarded(exchange, source);
  const headers = new HeaderMap();
  return withForwarded(exchange, headers, copyFields(exchange, authority, headers));
}

const SAID = Watched.forwarded | Watched.requestId;

/** What is already said about the client, by somebody we believe. */
interface Said {
  readonly forwardedFor?: string;
  readonly proto?: string;
  readonly host?: string;
}

/** `withForwarded` where nothing was said before, on the way of every request: the arrays are made in their size. */
function untouchedWithForwarded(exchange: Exchange, source: HeaderMap): HeaderMap {
  const { peer, received } = exchange;
  const headers = new HeaderMap(
    ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Request-Id", "Via"],
    [peer.address, exchange.scheme, received.authority, exchange.id, VIA[received.version]],
    source.uncut,
  );
  headers.fromCodec = true;
  return headers;
}

function withForwarded(exchange: Exchange, headers: HeaderMap, said: Said): HeaderMap {
  const { peer, received } = exchange;
  headers.fromCodec = exchange.outgoing.headers.fromCodec;
  headers.push(
    "X-Forwarded-For",
    said.forwardedFor === undefined ? peer.address : `${said.forwardedFor}, ${peer.address}`,
  );
  headers.push("X-Forwarded-Proto", said.proto ?? exchange.scheme);
  headers.push("X-Forwarded-Host", said.host ?? received.authority);
  headers.push("X-Request-Id", exchange.id);
  headers.push("Via", VIA[received.version]);
  return headers;
}

/** Copies what goes on as it is. @returns what a trusted peer said, which is to be continued. */
function copyFields(exchange: Exchange, authority: string, to: HeaderMap): Said {
  const source = exchange.outgoing.headers;
  const names = source.rawNames;
  const values = source.rawValues;
  const named = source.fromCodec ? null : connectionNames(source);
  const trusted = exchange.peer.trusted || exchange.cleaned;
  const said: { forwardedFor?: string; proto?: string; host?: string } = {};
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!;
    const value = values[i]!;
    const kind = special(name);
    if (kind === Special.none) {
      if (named === null || !named.has(name.toLowerCase())) to.push(name, value);
    } else if (kind === Special.host) to.push(name, authority);
    else if (!trusted || kind === Special.dropped) continue;
    else if (kind === Special.client) to.push(name, value);
    else if (kind === Special.forwardedProto) said.proto = value;
    else if (kind === Special.forwardedHost) said.host = value;
    else said.forwardedFor = said.forwardedFor === undefined ? value : `${said.forwardedFor}, ${value}`;
  }
  return said;
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
      return sameName(name, "x-forwarded-for") ? Special.forwardedFor : claimOr(name);
    case 16:
      if (sameName(name, "x-forwarded-host")) return Special.forwardedHost;
      return claimOr(name);
    case 17:
      if (sameName(name, "x-forwarded-proto")) return Special.forwardedProto;
      return claimOr(name);
    default:
      return claimOr(name);
  }
}

function claimOr(name: string): Special {
  if (isHopByHop(name)) return Special.dropped;
  return isForwardedName(name) ? Special.client : Special.none;
}

/** True when the request has been through a gateway of our name so often that it must be going in circles. */
export function isLooping(headers: HeaderMap): boolean {
  if (headers.lacks(Watched.via, "via")) return false;
  let hops = 0;
  for (let i = headers.indexOf("via"); i >= 0; i = headers.indexOf("via", i + 1)) {
    hops += headers.rawValues[i]!.split(` ${PSEUDONYM}`).length - 1;
  }
  return hops >= MAX_HOPS;
}
