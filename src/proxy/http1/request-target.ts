import { GatewayError } from "../../model/gateway-error.ts";

/** What the four forms of a request-target come down to. */
export class RequestTarget {
  /** origin-form, or `*`. */
  readonly target: string;
  /** Of absolute-form, which outranks the Host field; else null. */
  readonly authority: string | null;

  constructor(target: string, authority: string | null) {
    this.target = target;
    this.authority = authority;
  }
}

/**
 * RFC 9112 §3.2 for everything but the plain origin-form, which the caller knows by its `/`.
 */
export function takeApart(target: string, method: string): RequestTarget | GatewayError {
  // §3.2.3: authority-form is CONNECT's alone, and we open no tunnels to where a client wants.
  if (method === "CONNECT") return new GatewayError("method_not_supported", "CONNECT");
  if (target.startsWith("/")) return new RequestTarget(target, null);
  // §3.2.4
  if (target === "*") return method === "OPTIONS" ? new RequestTarget(target, null) : bad();
  // §3.2.2
  const rest = afterScheme(target);
  if (rest < 0) return bad();
  let end = rest;
  while (end < target.length && target[end] !== "/" && target[end] !== "?") end++;
  return new RequestTarget(originForm(target.slice(end), method), target.slice(rest, end));
}

function afterScheme(target: string): number {
  const scheme = target.slice(0, 8).toLowerCase();
  if (scheme.startsWith("http://")) return 7;
  return scheme === "https://" ? 8 : -1;
}

// §3.2.1: an empty path is sent as "/"; §3.2.4: but OPTIONS without path and query asks about the server as a whole.
function originForm(path: string, method: string): string {
  if (path.startsWith("/")) return path;
  return path === "" && method === "OPTIONS" ? "*" : `/${path}`;
}

function bad(): GatewayError {
  return new GatewayError("bad_request", "the target has none of the forms of RFC 9112 section 3.2");
}
