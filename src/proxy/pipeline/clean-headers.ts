import type { Exchange, Identity } from "../../model/exchange.ts";
import { type HeaderMap, sameName } from "../../model/header-map.ts";
import { isForwardedName } from "../own-fields.ts";

/** What only a trusted peer may say. */
function isClaim(name: string): boolean {
  return isForwardedName(name) || sameName(name, "x-real-ip") || sameName(name, "forwarded");
}

/**
 * The request's fields for hooks to read and change. What an untrusted peer claims about the client is taken out first, so that
 * what is there when they have run is theirs, and goes on.
 */
export function cleanHeaders(exchange: Exchange): HeaderMap {
  const { headers } = exchange.edit();
  if (exchange.cleaned) return headers;
  exchange.cleaned = true;
  if (!exchange.peer.trusted) for (const name of headers.rawNames.filter(isClaim)) headers.remove(name.toLowerCase());
  return headers;
}

/** What an upstream is told about who was authenticated. */
const AUTH = ["x-auth-id", "x-auth-by", "x-auth-scopes"] as const;

/** On a route with plugins only Sluice says who somebody is, whether anybody authenticates there or not. */
export function dropAuthHeaders(exchange: Exchange): void {
  const { headers } = exchange.outgoing;
  if (AUTH.every((name) => headers.indexOf(name) < 0)) return;
  for (const name of AUTH) exchange.edit().headers.remove(name);
}

export function sayIdentity(exchange: Exchange, { id, by, scopes }: Identity): void {
  const { headers } = exchange.edit();
  headers.set("X-Auth-Id", asField(id));
  headers.set("X-Auth-By", asField(by));
  if (scopes !== undefined) headers.set("X-Auth-Scopes", asField(scopes.join(" ")));
}

/** Fields are ASCII; anything else is percent-encoded as UTF-8. */
function asField(value: string): string {
  return /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value) ? value : encodeURIComponent(value.toWellFormed());
}
