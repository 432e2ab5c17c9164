import { isIP } from "node:net";
import { isSafeValue, isToken } from "../../model/header-map.ts";

/** Each of these takes a text and says what is wrong with it, or null. */

export function addressBlockProblem(value: string): string | null {
  const [address = "", prefix, rest] = value.split("/");
  const version = isIP(address);
  const bits = version === 6 ? 128 : 32;
  const isPrefixFine = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
  if (version !== 0 && isPrefixFine && rest === undefined && !address.includes("%")) return null;
  return `expected an address or CIDR block such as 10.0.0.0/8, got ${JSON.stringify(value)}`;
}

const HOST = /^(?=.{1,253}$)(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/;

export function hostPatternProblem(value: string): string | null {
  const host = value.toLowerCase();
  if (HOST.test(host)) return null;
  if (/^\[.*\]$/.test(host) && isIP(host.slice(1, -1)) === 6) return null;
  if (isIP(host) === 6) return null;
  const got = JSON.stringify(value);
  if (host.includes("://")) return `expected a host without a scheme, got ${got}`;
  if (/:\d+$/.test(host)) return `expected a host without a port, got ${got}`;
  if (host.includes("*")) return `expected "*." once and at the start, as in *.example.com, got ${got}`;
  if (/\P{ASCII}/u.test(host)) return `expected ASCII (write the xn-- form), got ${got}`;
  return `expected a host such as api.example.com or *.example.com, got ${got}`;
}

const PARAMETER = /^:[A-Za-z_][A-Za-z0-9_-]*$/;

export function pathPatternProblem(value: string): string | null {
  const got = JSON.stringify(value);
  if (!value.startsWith("/")) return `a path starts with "/", got ${got}`;
  if (/[?#]/.test(value)) return `a path has no query or fragment, got ${got}`;
  if (/[\p{Cc} \\]/u.test(value)) return `a path has no spaces, backslashes or control characters, got ${got}`;
  if (/%(?![0-9A-Fa-f]{2})/.test(value)) return `a "%" in a path is followed by two hex digits, got ${got}`;
  const segments = value.slice(1).split("/");
  const parameters = new Set<string>();
  for (const [i, segment] of segments.entries()) {
    const problem = segmentProblem(segment, i === segments.length - 1, parameters);
    if (problem !== null) return `${problem}, got ${got}`;
  }
  return null;
}

function segmentProblem(segment: string, isLast: boolean, parameters: Set<string>): string | null {
  if (segment === "." || segment === "..") return "a path has no dot segments";
  if (segment.includes("*") && !(segment === "*" && isLast)) return '"*" stands only at the end, as in /users/*';
  if (!segment.startsWith(":")) return null;
  if (!PARAMETER.test(segment)) return `"${segment}" is not a parameter such as :id`;
  if (parameters.has(segment)) return `the parameter ${segment} stands twice`;
  parameters.add(segment);
  return null;
}

export function regexProblem(value: string): string | null {
  try {
    new RegExp(value);
    return null;
  } catch (error) {
    return `not a regular expression: ${(error as Error).message.replace(/^Invalid regular expression: /, "")}`;
  }
}

export function fieldValueProblem(value: string): string | null {
  if (isSafeValue(value)) return null;
  return `${JSON.stringify(value)} cannot stand in a header: no line breaks, control characters or characters above U+00FF`;
}

/** Fields that say where a message ends or what becomes of its connection: the codec writes them, nobody else. */
const FRAMING = new Set([
  "content-length",
  "transfer-encoding",
  "connection",
  "upgrade",
  "te",
  "trailer",
  "keep-alive",
]);

export function headerNameProblem(value: string): string | null {
  if (!isToken(value)) return `${JSON.stringify(value)} is not a header name`;
  return null;
}

export function settableHeaderProblem(value: string): string | null {
  if (FRAMING.has(value.toLowerCase())) return `${value} frames the message and cannot be set`;
  return headerNameProblem(value);
}
