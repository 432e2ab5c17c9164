import type { Exchange } from "../../../model/exchange.ts";
import type { HashKeySpec } from "../../../model/snapshot-spec.ts";
import { pathOf, queryValues } from "../../routing/query-string.ts";

/**
 * What an exchange is hashed by. A request without the header, cookie or query parameter is hashed by its client's address:
 * it still spreads, and a client still stays where it is.
 */
export function hashKeyOf(by: HashKeySpec, exchange: Exchange): string {
  return valueOf(by, exchange) || exchange.clientIp;
}

function valueOf(by: HashKeySpec, exchange: Exchange): string | null {
  const { target, headers } = exchange.outgoing;
  switch (by.kind) {
    case "clientIp":
      return exchange.clientIp;
    case "path":
      return pathOf(target);
    case "header":
      return headers.first(by.name.toLowerCase());
    case "cookie":
      return cookieValue(exchange, by.name);
    case "query":
      return queryValues(target, by.name)[0] ?? null;
  }
}

/** The first value of a cookie that the client sent, as it stands, or null. */
export function cookieValue(exchange: Exchange, name: string): string | null {
  const { headers } = exchange.outgoing;
  for (let i = headers.indexOf("cookie"); i >= 0; i = headers.indexOf("cookie", i + 1)) {
    const value = cookieIn(headers.rawValues[i]!, name);
    if (value !== null) return value;
  }
  return null;
}

function cookieIn(cookies: string, name: string): string | null {
  let from = 0;
  while (from < cookies.length) {
    const next = cookies.indexOf(";", from);
    const end = next < 0 ? cookies.length : next;
    const equals = cookies.indexOf("=", from);
    if (equals > 0 && equals < end && cookies.slice(from, equals).trim() === name)
      return cookies.slice(equals + 1, end).trim();
    from = end + 1;
  }
  return null;
}
