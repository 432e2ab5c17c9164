import "./latin1.ts";
import { HeaderMap } from "../../model/header-map.ts";
import { isDisguised, isForwardedName } from "../own-fields.ts";
import { type Fault, FieldSection } from "./field-section.ts";

/**
 * Fields that must not come, or go on, in a trailer section (RFC 9110 §6.5.1): whoever merges trailers into the header section
 * would frame, route, authenticate or interpret the message anew. `forwarded` and its like are what this proxy itself vouches for.
 */
const FORBIDDEN: ReadonlySet<string> = new Set(
  [
    "transfer-encoding content-length host connection keep-alive proxy-connection te trailer upgrade",
    "authorization proxy-authorization www-authenticate proxy-authenticate cookie set-cookie",
    "content-encoding content-type content-range",
    "cache-control expect max-forwards pragma range age date expires location retry-after vary",
    "if-match if-none-match if-modified-since if-unmodified-since if-range",
    "forwarded via x-real-ip x-request-id x-auth-id x-auth-by x-auth-scopes",
  ].flatMap((names) => names.split(" ")),
);

export function isForbiddenInTrailers(name: string): boolean {
  if (name.includes("_") && isDisguised(name)) return true;
  return FORBIDDEN.has(name.toLowerCase()) || isForwardedName(name);
}

/** Parses a trailer section from `start` to `end`, where CR LF follows; without the forbidden fields, which are dropped. */
export function parseTrailers(bytes: Buffer, start: number, end: number): HeaderMap | Fault {
  const fields = new FieldSection("client");
  const fault = fields.read(bytes, bytes.latin1Slice(start, end + 2), start, start);
  if (fault !== null) return fault;
  const names: string[] = [];
  const values: string[] = [];
  fields.cut(names, values);
  const kept = new HeaderMap();
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!;
    if (!isForbiddenInTrailers(name)) kept.push(name, values[i]!);
  }
  return kept;
}
