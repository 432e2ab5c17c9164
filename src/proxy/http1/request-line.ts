import { GatewayError } from "../../model/gateway-error.ts";
import { CR, LF, SP, TARGET, TOKEN } from "./octets.ts";

/** Longer than any registered method; RFC 9112 §3 answers a longer one with 501. */
const MAX_METHOD = 32;

const ZERO = 0x30;
const DOT = 0x2e;
const HTTP = Buffer.from("HTTP/", "latin1");

/** `method SP request-target SP HTTP-version` (RFC 9112 §3); positions are indexes into the bytes it was read from. */
export class RequestLine {
  readonly methodEnd: number;
  readonly targetEnd: number;
  /** Of HTTP/1.x. */
  readonly minor: number;
  /** Where the first field line starts. */
  readonly next: number;

  constructor(methodEnd: number, targetEnd: number, minor: number) {
    this.methodEnd = methodEnd;
    this.targetEnd = targetEnd;
    this.minor = minor;
    this.next = targetEnd + 11;
  }
}

/**
 * Single spaces and nothing else between the three parts: the lenient parsing that RFC 9112 §3 allows is a second reading. The
 * line must be followed by CR LF within `bytes`, as `HeadScanner` promises.
 */
export function parseRequestLine(bytes: Uint8Array, start: number, maxUriBytes: number): RequestLine | GatewayError {
  let at = start;
  while (TOKEN[bytes[at]!] === 1) at++;
  if (bytes[at] !== SP || at === start) return bad("malformed method");
  const methodEnd = at;
  if (methodEnd - start > MAX_METHOD) return new GatewayError("method_not_supported", "overlong method");
  at++;
  while (TARGET[bytes[at]!] === 1) at++;
  const targetEnd = at;
  if (targetEnd - methodEnd - 1 > maxUriBytes)
    return new GatewayError("uri_too_long", `target over ${maxUriBytes} bytes`);
  if (bytes[at] !== SP || targetEnd === methodEnd + 1) return bad("malformed request target");
  const version = httpVersion(bytes, targetEnd + 1);
  if (version < 0 || bytes[targetEnd + 9] !== CR || bytes[targetEnd + 10] !== LF) return bad("malformed request line");
  // RFC 9110 §2.5: a higher minor version is understood as the highest we know; another major one is not.
  if (version < 10 || version > 19) return new GatewayError("version_not_supported", "not HTTP/1.x");
  return new RequestLine(methodEnd, targetEnd, version - 10);
}

/** Ten times the major and once the minor of `HTTP-version` (RFC 9112 §2.3, upper-case) at `at`; -1 when it is none. */
export function httpVersion(bytes: Uint8Array, at: number): number {
  for (let i = 0; i < 5; i++) if (bytes[at + i] !== HTTP[i]) return -1;
  const major = bytes[at + 5]! - ZERO;
  const minor = bytes[at + 7]! - ZERO;
  if (major < 0 || major > 9 || minor < 0 || minor > 9 || bytes[at + 6] !== DOT) return -1;
  return major * 10 + minor;
}

function bad(detail: string): GatewayError {
  return new GatewayError("bad_request", detail);
}
