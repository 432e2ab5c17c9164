import type { ExchangeInit, Peer } from "../../model/exchange.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import { HeaderMap } from "../../model/header-map.ts";
import { connectionNames } from "../forwarding/hop-by-hop.ts";
import { isDisguised } from "../own-fields.ts";
import { StreamBody } from "../web-stream-body.ts";
import type { ListenerContext } from "./listener.ts";

/** What every request of a listener has in common. */
export interface RequestSource {
  readonly context: ListenerContext;
  readonly listener: string;
  readonly scheme: "http" | "https";
  addressOf(request: Request): Bun.SocketAddress | null;
}

/** Fields that decide how a request is read; picked out while the others are copied. */
interface Framing {
  authority: string | null;
  contentLength: string | null;
  chunked: boolean;
  upgrade: string | null;
  bytes: number;
  hasDelete: boolean;
}

/** @returns what the gateway needs to know of a request, or why it is refused. */
export function readRequest(request: Request, source: RequestSource): ExchangeInit | GatewayError {
  const { context } = source;
  const url = request.url;
  // A bad Host field leaves a bare path (or, with CONNECT, an authority) where a URL should be.
  const slash = url.startsWith("http") ? url.indexOf("/", 8) : -1;
  if (slash < 0) return badTarget(request.method);
  const target = url.slice(slash);
  if (target.length > context.door.limits.maxUriBytes) return new GatewayError("uri_too_long");
  if (target.includes("#")) return refused("a request target has no fragment");

  const headers = new HeaderMap();
  const framing = copyHeaders(request.headers, headers);
  if (framing.hasDelete) return refused("control character in a field value");
  if (framing.bytes > context.door.limits.maxHeaderBytes) return new GatewayError("header_too_large");
  const authority = framing.authority ?? url.slice(url.indexOf("//") + 2, slash);
  const host = hostOf(authority);
  if (host === null) return refused("the Host field is not a single host");
  const body = readBody(request, framing, context);
  if (body instanceof GatewayError) return body;

  return {
    received: { method: request.method, target, authority, version: "1.1", headers },
    scheme: source.scheme,
    host,
    peer: new ServePeer(request, source),
    listener: source.listener,
    requestBody: body,
    upgrade: framing.upgrade,
    startedAt: context.clock.now(),
    origins: context.door,
  };
}

function badTarget(method: string): GatewayError {
  if (method === "CONNECT") return new GatewayError("method_not_supported", "CONNECT");
  return refused("the Host field is missing or malformed");
}

function refused(why: string): GatewayError {
  return new GatewayError("bad_request", why, { publicDetail: why });
}

function copyHeaders(from: Headers, to: HeaderMap): Framing {
  const names = to.rawNames;
  const values = to.rawValues;
  const framing: Framing = {
    authority: null,
    contentLength: null,
    chunked: false,
    upgrade: null,
    bytes: 0,
    hasDelete: false,
  };
  let isNaming = false;
  // Bun hands out lower-case names. `forEach` costs the same as `entries` and `toJSON` and keeps Set-Cookie apart.
  from.forEach((value, name) => {
    if (name.includes("_") && isDisguised(name)) return;
    // The one control character that Bun lets pass, with HTTP/2, too; looking for it costs 6 ns a field.
    if (value.includes("\x7f")) framing.hasDelete = true;
    names.push(name);
    values.push(value);
    framing.bytes += name.length + value.length + 4;
    if (name === "host") framing.authority = value;
    else if (name === "content-length") framing.contentLength = value;
    else if (name === "transfer-encoding") framing.chunked = true;
    else if (name === "connection") isNaming = value !== "keep-alive" && value !== "close";
    else if (name === "upgrade" && value.toLowerCase() === "websocket") framing.upgrade = "websocket";
  });
  if (isNaming) removeNamed(to);
  return framing;
}

/** What `Connection` names ends here (RFC 9110 §7.6.1): later it would be what hooks and Sluice say by the same name. */
function removeNamed(headers: HeaderMap): void {
  const names = connectionNames(headers);
  if (names === null) return;
  headers.remove("connection");
  for (const name of names) headers.remove(name);
}

const DIGITS = /^\d{1,15}$/;

function readBody(request: Request, framing: Framing, context: ListenerContext): StreamBody | null | GatewayError {
  const { contentLength, chunked } = framing;
  if (contentLength === null && !chunked) return null;
  // Bun shows two equal Content-Length lines as `3, 3`: we read a message in one way or not at all.
  if (contentLength !== null && !DIGITS.test(contentLength)) return refused("Content-Length is not one number");
  const length = contentLength === null ? null : Number(contentLength);
  if (request.body === null) {
    // Bun drops the body of GET and HEAD; forwarding the rest would change what the request means.
    if (length === 0) return null;
    return refused(`a ${request.method} request with a body is not supported on this listener`);
  }
  return new StreamBody(request, length, {
    ticker: context.fast,
    idleMs: context.door.timeouts.bodyIdleMs,
    idleError: () => new GatewayError("request_timeout", "the request body stopped coming"),
    readError: (cause) => new GatewayError("client_closed", "during the request body", { cause }),
    bodyOver: () => {},
  });
}

/** Host names repeat: what was read last is remembered. */
let lastAuthority = "";
let lastHost: string | null = null;

const AUTHORITY = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+;=-]+)(?::(\d*))?$/;

/** Lower case, without port and trailing dot; null when it is not one host. */
export function hostOf(authority: string): string | null {
  if (authority === lastAuthority) return lastHost;
  const parts = AUTHORITY.exec(authority);
  const isHost = parts !== null && Number(parts[2] ?? 0) <= 65535;
  lastAuthority = authority;
  lastHost = isHost ? parts[1]!.toLowerCase().replace(/\.$/, "") : null;
  return lastHost;
}

/** Asking Bun for the address costs half a microsecond: it is asked when somebody wants to know. */
class ServePeer implements Peer {
  readonly #request: Request;
  readonly #source: RequestSource;
  #found: Bun.SocketAddress | null = null;
  #trusted: boolean | null = null;

  constructor(request: Request, source: RequestSource) {
    this.#request = request;
    this.#source = source;
  }

  get address(): string {
    return this.#resolve().address;
  }

  get port(): number {
    return this.#resolve().port;
  }

  get trusted(): boolean {
    return (this.#trusted ??= this.#source.context.door.isTrustedPeer(this.address));
  }

  #resolve(): Bun.SocketAddress {
    return (this.#found ??= this.#source.addressOf(this.#request) ?? GONE);
  }
}

/** The connection closed before anybody asked whose it was. */
const GONE: Bun.SocketAddress = { address: "0.0.0.0", port: 0, family: "IPv4" };
