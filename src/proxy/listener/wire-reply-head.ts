import type { HeaderMap } from "../../model/header-map.ts";
import type { Reply } from "../../model/reply.ts";
import { CHUNKED, type Framing, isBodiless, NO_BODY, UNTIL_CLOSE } from "../http1/body-framing.ts";
import { type ConnectionFields, type OutgoingResponse, writeResponseHead } from "../http1/head-writer.ts";
import type { RequestHead } from "../http1/request-head.ts";
import type { HeadSource } from "../wire/socket-out.ts";

/** A response head together with what this connection says of it. */
export class WireReplyHead implements ConnectionFields, HeadSource {
  readonly framing: Framing;
  readonly keepAlive: boolean;
  readonly connection: "close" | "keep-alive" | null;
  readonly upgrade: string | null;
  readonly teTrailers = false;
  readonly #response: OutgoingResponse;

  constructor(
    response: OutgoingResponse,
    framing: Framing,
    connection: "close" | "keep-alive" | null,
    upgrade: string | null,
  ) {
    this.#response = response;
    this.framing = framing;
    this.keepAlive = connection !== "close";
    this.connection = connection;
    this.upgrade = upgrade;
  }

  writeHead(buffer: Buffer, offset: number): number {
    return writeResponseHead(buffer, offset, this.#response, this);
  }
}

/** @param request null: it could not be read, and the connection closes. */
export function finalHead(reply: Reply, request: RequestHead | null, persistent: boolean): WireReplyHead {
  const old = request?.version === "1.0";
  const framing = replyFraming(reply, request, old);
  const keepAlive = persistent && request !== null && request.keepAlive && framing !== UNTIL_CLOSE;
  // HTTP/1.1 persists unless told otherwise, HTTP/1.0 the other way round (RFC 9112 §9.3).
  const connection = keepAlive ? (old ? "keep-alive" : null) : "close";
  return new WireReplyHead(reply, framing, connection, null);
}

export function interimHead(status: number, headers: HeaderMap): WireReplyHead {
  const reason = REASONS[status] ?? "";
  return new WireReplyHead({ status, reason, headers }, NO_BODY, null, null);
}

export function switchingHead(reply: Reply, protocol: string): WireReplyHead {
  return new WireReplyHead(reply, NO_BODY, null, protocol);
}

const REASONS: Readonly<Record<number, string>> = { 100: "Continue", 102: "Processing", 103: "Early Hints" };

/** RFC 9112 §6.3, from the sender's side. */
function replyFraming(reply: Reply, request: RequestHead | null, old: boolean): Framing {
  if (request?.method === "HEAD" || isBodiless(reply.status)) return NO_BODY;
  if (reply.body === null) return 0;
  if (reply.body.length !== null) return reply.body.length;
  return old ? UNTIL_CLOSE : CHUNKED;
}
