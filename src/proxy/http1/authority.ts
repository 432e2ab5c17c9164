import { isIPv6 } from "node:net";
import { COLON, REG_NAME } from "./octets.ts";

const OPENING_BRACKET = 0x5b;
const DOT = 0x2e;

/**
 * The host of `uri-host [":" port]` (RFC 9110 §7.2) as routes compare it: lower-case, without port and trailing dot; an IPv6
 * address keeps its brackets, as in `URL.hostname`.
 * @returns null when it is none: empty, with userinfo, white space, percent-encoding or a port that is no port.
 */
export function hostOf(authority: string): string | null {
  if (authority.charCodeAt(0) === OPENING_BRACKET) return ipv6Of(authority);
  const length = authority.length;
  let end = 0;
  let upper = false;
  for (; end < length; end++) {
    const code = authority.charCodeAt(end);
    if (code >= 0x41 && code <= 0x5a) upper = true;
    else if (REG_NAME[code] !== 1) break;
  }
  if (end < length && !isPortFrom(authority, end)) return null;
  if (end > 0 && authority.charCodeAt(end - 1) === DOT) end--;
  if (end === 0) return null;
  const host = end === length ? authority : authority.slice(0, end);
  return upper ? host.toLowerCase() : host;
}

function ipv6Of(authority: string): string | null {
  const end = authority.indexOf("]");
  const address = authority.slice(1, end);
  // A zone means something to one machine only (RFC 9844).
  if (end < 0 || address.includes("%") || !isIPv6(address)) return null;
  if (end + 1 < authority.length && !isPortFrom(authority, end + 1)) return null;
  return authority.slice(0, end + 1).toLowerCase();
}

/** `":" *DIGIT` to the end, up to 65535; RFC 3986 §3.2.3 allows an empty port. */
function isPortFrom(authority: string, at: number): boolean {
  if (authority.charCodeAt(at) !== COLON || authority.length - at > 6) return false;
  let port = 0;
  for (let i = at + 1; i < authority.length; i++) {
    const digit = authority.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port <= 65535;
}
