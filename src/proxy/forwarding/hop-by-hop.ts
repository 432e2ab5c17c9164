import { type HeaderMap, sameName } from "../../model/header-map.ts";

/**
 * Fields that belong to one connection (RFC 9110 §7.6.1), by length so that most names are dismissed without lower-casing.
 * `Trailer` announces end-to-end trailers and stays; Proxy-Authorization passes, because we are not the one it is for.
 */
export function isHopByHop(name: string): boolean {
  switch (name.length) {
    case 2:
      return sameName(name, "te");
    case 7:
      return sameName(name, "upgrade");
    case 10:
      return sameName(name, "connection") || sameName(name, "keep-alive");
    case 16:
      return sameName(name, "proxy-connection");
    case 17:
      return sameName(name, "transfer-encoding");
    default:
      return false;
  }
}

/** Must survive even where `Connection` names them: without them the message means something else. */
const END_TO_END: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "cookie",
  "set-cookie",
  "content-type",
  "authorization",
]);

/** Lower-case names that `Connection` lists besides the ones that are hop-by-hop anyway; null for the usual none. */
export function connectionNames(headers: HeaderMap): ReadonlySet<string> | null {
  let i = headers.indexOf("connection");
  if (i < 0) return null;
  let found: Set<string> | null = null;
  for (; i >= 0; i = headers.indexOf("connection", i + 1)) {
    for (const part of headers.rawValues[i]!.split(",")) {
      const name = part.trim().toLowerCase();
      if (name === "" || name === "close" || END_TO_END.has(name) || isHopByHop(name)) continue;
      (found ??= new Set()).add(name);
    }
  }
  return found;
}
