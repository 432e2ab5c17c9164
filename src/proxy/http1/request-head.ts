import "./latin1.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import { HeaderMap } from "../../model/header-map.ts";
import { hostOf } from "./authority.ts";
import { AMBIGUOUS, CHUNKED, type Framing, requestFraming } from "./body-framing.ts";
import { FieldSection, TOO_MANY_FIELDS } from "./field-section.ts";
import { connectionOptions, listHas, persists, removeNamed, upgradeProtocol } from "./hop-by-hop.ts";
import { parseRequestLine } from "./request-line.ts";
import { takeApart } from "./request-target.ts";

export interface RequestLimits {
  readonly maxHeaderBytes: number;
  readonly maxUriBytes: number;
}

/** A request head that has one reading; a `Message` with what the edge must know of its framing and its connection. */
export class RequestHead {
  readonly method: string;
  /** As received, byte for byte; origin-form, or `*`. */
  readonly target: string;
  /** From an absolute-form target, else from Host; `""` only for an HTTP/1.0 request without either. */
  readonly authority: string;
  /** Lower-case, without port and trailing dot; `""` where `authority` is. */
  readonly host: string;
  /** A higher minor version counts as 1.1 (RFC 9110 §2.5). */
  readonly version: "1.0" | "1.1";
  /** End-to-end fields as received; Content-Length and Host in place, Transfer-Encoding, Connection, Upgrade, TE … not. */
  readonly headers: HeaderMap;
  readonly framing: Framing;
  /** The connection may be used again after this exchange, as far as the client is concerned. */
  readonly keepAlive: boolean;
  /** Lower-case protocol of an Upgrade that may go on, else null. */
  readonly upgrade: string | null;
  /** The client waits for 100 before it sends its body (RFC 9110 §10.1.1). `Expect` itself stays in `headers`. */
  readonly expectContinue: boolean;
  /** `TE: trailers`: trailers of the reply would not be thrown away (RFC 9110 §10.1.4). */
  readonly teTrailers: boolean;

  constructor(line: ParsedLine, fields: FieldSection, framing: Framing) {
    const options = connectionOptions(fields.connection);
    this.method = line.method;
    this.target = line.target;
    this.authority = line.authority;
    this.host = line.host;
    this.version = line.minor === 0 ? "1.0" : "1.1";
    this.headers = new HeaderMap([], [], fields);
    this.headers.fromCodec = true;
    this.framing = framing;
    this.keepAlive = persists(line.minor, options);
    // RFC 9110 §7.8 and §10.1.1: both are ignored in HTTP/1.0.
    this.upgrade = line.minor === 0 ? null : upgradeProtocol(fields.upgrade, options);
    this.expectContinue = fields.expect !== null && line.minor > 0 && listHas(fields.expect, "100-continue");
    this.teTrailers = fields.te !== null && listHas(fields.te, "trailers");
    if (options.named !== null) removeNamed(this.headers, options.named);
    // An absolute-form target said otherwise; the field keeps its place.
    if (fields.host !== null && fields.host !== line.authority) {
      this.headers.rawValues[this.headers.indexOf("host")] = line.authority;
    }
  }

  /** -1: the request has no Content-Length. */
  get contentLength(): number {
    return this.framing < 0 ? -1 : this.framing;
  }

  get chunked(): boolean {
    return this.framing === CHUNKED;
  }
}

interface ParsedLine {
  method: string;
  target: string;
  authority: string;
  host: string;
  minor: number;
}

/**
 * Parses the request head in `bytes` from `start` to `end`, where CR LF CR LF follows (see `HeadScanner`). Strict: what RFC 9112
 * lets a recipient repair is refused, because the next recipient might repair it differently.
 */
export function parseRequestHead(
  bytes: Buffer,
  start: number,
  end: number,
  limits: RequestLimits,
): RequestHead | GatewayError {
  if (end - start > limits.maxHeaderBytes) return new GatewayError("header_too_large", "head too large");
  const line = parseRequestLine(bytes, start, limits.maxUriBytes);
  if (line instanceof GatewayError) return line;
  const text = bytes.latin1Slice(start, end + 2);
  const method = text.slice(0, line.methodEnd - start);
  const target = text.slice(line.methodEnd - start + 1, line.targetEnd - start);
  const fields = new FieldSection("client");
  const fault = fields.read(bytes, text, start, line.next);
  if (fault !== null) return new GatewayError(fault === TOO_MANY_FIELDS ? "header_too_large" : "bad_request", fault);
  const framing = requestFraming(fields, line.minor);
  if (framing === AMBIGUOUS) return bad("ambiguous body framing");
  const parsed: ParsedLine = { method, target, authority: "", host: "", minor: line.minor };
  const refused = locate(parsed, fields);
  return refused === null ? new RequestHead(parsed, fields, framing) : refused;
}

/** Settles target, authority and host (RFC 9112 §3.2, §3.3). */
function locate(line: ParsedLine, fields: FieldSection): GatewayError | null {
  if (fields.host !== null) {
    const host = hostOf(fields.host);
    if (host === null) return bad("invalid Host");
    line.authority = fields.host;
    line.host = host;
  } else if (line.minor > 0) {
    return bad("missing Host");
  }
  if (line.target.charCodeAt(0) === 0x2f && line.method !== "CONNECT") return null;
  const apart = takeApart(line.target, line.method);
  if (apart instanceof GatewayError) return apart;
  line.target = apart.target;
  return apart.authority === null ? null : relocate(line, apart.authority);
}

/** §3.2.2: a proxy that gets absolute-form must ignore the received Host and replace it with the target's authority. */
function relocate(line: ParsedLine, authority: string): GatewayError | null {
  const host = hostOf(authority);
  if (host === null) return bad("invalid authority in the target");
  line.authority = authority;
  line.host = host;
  return null;
}

function bad(detail: string): GatewayError {
  return new GatewayError("bad_request", detail);
}
