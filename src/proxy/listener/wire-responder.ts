import type { Exchange } from "../../model/exchange.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import type { HeaderMap } from "../../model/header-map.ts";
import type { Duplex, Reply, Responder } from "../../model/reply.ts";
import { NO_BODY, UNTIL_CLOSE } from "../http1/body-framing.ts";
import type { RequestHead } from "../http1/request-head.ts";
import { type ByteSocket, hangUp } from "../wire/byte-socket.ts";
import type { IncomingBody } from "../wire/incoming-body.ts";
import { type BodyOwner, OutgoingBody } from "../wire/outgoing-body.ts";
import { SocketOut } from "../wire/socket-out.ts";
import type { ListenerContext } from "./listener.ts";
import { finalHead, interimHead, switchingHead } from "./wire-reply-head.ts";

// How a body went is told to its sink's owner already.
const ignore = (): void => undefined;

let dated = 0;
let date = "";

function httpDate(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dated) {
    dated = second;
    date = new Date(second * 1000).toUTCString();
  }
  return date;
}

/** The connection whose replies these are. */
export interface ReplyOwner {
  readonly persistent: boolean;
  dropUnreadBody(): void;
  openTunnel(): IncomingBody;
  /** Ends the exchange. */
  over(error?: GatewayError): void;
  /** The reply has left: the next request, or the end. */
  next(closing: boolean): void;
}

/** Writes the replies of one connection, one after the other: a head and a small body leave in one write. */
export class WireResponder implements Responder, BodyOwner {
  readonly out: SocketOut;
  /** After 101: octets flow both ways until both sides are done. */
  tunnelled = false;
  /** The client was told to go on with its body, or there is nothing to tell. */
  continued = false;
  readonly #socket: ByteSocket;
  readonly #owner: ReplyOwner;
  readonly #context: ListenerContext;
  #exchange: Exchange | null = null;
  #request: RequestHead | null = null;
  #replying = false;
  #closing = false;
  #gathering = false;
  #sent = false;

  constructor(socket: ByteSocket, owner: ReplyOwner, context: ListenerContext) {
    this.#socket = socket;
    this.#owner = owner;
    this.#context = context;
    this.out = new SocketOut(socket, () => context.fast.now);
  }

  get expectsContinue(): boolean {
    return this.#request?.expectContinue === true && !this.continued && !this.#replying;
  }

  begin(exchange: Exchange, request: RequestHead): void {
    this.#exchange = exchange;
    this.#request = request;
    this.#replying = false;
    this.#sent = false;
    this.continued = false;
  }

  informational(status: number, headers: HeaderMap): void {
    // RFC 9110 §15.2: not to a client that speaks 1.0.
    if (this.#request?.version !== "1.1" || this.#replying) return;
    if (status === 100) this.continued = true;
    this.out.head(interimHead(status, headers));
    this.out.flush();
  }

  reply(reply: Reply): void {
    const exchange = this.#exchange;
    if (exchange === null || this.#replying) return reply.body?.cancel(new GatewayError("client_closed"));
    exchange.status = reply.status;
    this.#owner.dropUnreadBody();
    this.#write(reply);
  }

  failed(error: GatewayError): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    if (error.kind === "client_closed" || this.#replying) return this.bodyCut(error);
    this.reply(this.#context.door.failureReply(error, exchange));
  }

  /** The reply to something that never became an exchange. */
  refuse(reply: Reply): void {
    this.#request = null;
    this.#replying = false;
    this.#sent = false;
    this.#write(reply);
  }

  tunnel(reply: Reply, upstream: Duplex): void {
    const exchange = this.#exchange;
    if (exchange === null || upstream.kind !== "bytes") {
      if (upstream.kind === "bytes") upstream.close(new GatewayError("client_closed"));
      else upstream.close(1011, "");
      return this.bodyCut(new GatewayError("internal", "a message tunnel on a byte edge"));
    }
    this.tunnelled = true;
    this.#replying = true;
    this.out.head(switchingHead(reply, exchange.upgrade ?? ""));
    this.out.flush();
    // Half an end is told by the bodies; without this the client could go on sending to nobody.
    upstream.onClosed = (why) => {
      if (this.#exchange === exchange && this.#sent) this.bodyCut(why, exchange.replyBytes);
    };
    const body = this.#owner.openTunnel();
    upstream.incoming.pipeTo(new OutgoingBody(this.out, UNTIL_CLOSE, this), ignore);
    body.pipeTo(upstream.outgoing, ignore);
  }

  /** One direction of the tunnel has ended; `#sent` says that it was ours, and then the client's may have, too. */
  tunnelHalfOver(): void {
    this.#clientDone = true;
    this.#endTunnel();
  }

  // ---- what the body on its way out says ----

  bodySent(size: number): void {
    if (this.#exchange !== null) this.#exchange.replyBytes = size;
    this.#sent = true;
    if (this.tunnelled) return this.#endTunnel();
    if (!this.#gathering) this.#whenGone();
  }

  bodyCut(why: GatewayError, size = 0): void {
    if (this.#exchange !== null) this.#exchange.replyBytes = size;
    this.#exchange = null;
    // First the reason, then the end: the socket tells of its closing before `terminate` returns.
    this.#owner.over(why);
    this.#socket.terminate();
  }

  #clientDone = false;

  #endTunnel(): void {
    if (this.#sent && this.out.blocked) {
      this.out.onDrain = () => this.#endTunnel();
      return;
    }
    if (this.#sent && this.#clientDone) {
      this.#exchange = null;
      this.#owner.over();
      return hangUp(this.#socket);
    }
    if (this.#sent) this.#socket.shutdown();
  }

  #write(reply: Reply): void {
    // RFC 9110 §6.6.1: who originates a reply dates it. A forwarded one is its origin's to date.
    if (this.#exchange?.source !== "upstream" && !reply.headers.has("date")) reply.headers.push("Date", httpDate());
    const head = finalHead(reply, this.#request, this.#owner.persistent);
    this.#replying = true;
    this.#closing = !head.keepAlive;
    if (!this.out.head(head)) return this.bodyCut(new GatewayError("internal", "a reply's head cannot be written"));
    if (reply.body === null || head.framing === NO_BODY) {
      reply.body?.cancel(new GatewayError("client_closed", "a reply without a body"));
      this.out.flush();
      return this.bodySent(0);
    }
    const body = new OutgoingBody(this.out, head.framing, this);
    this.#gathering = true;
    body.corked = true;
    reply.body.pipeTo(body, ignore);
    body.corked = false;
    this.#gathering = false;
    this.out.flush();
    if (this.#sent) this.#whenGone();
  }

  #whenGone(): void {
    if (this.out.blocked) {
      this.out.onDrain = () => this.#finish();
      return;
    }
    this.#finish();
  }

  #finish(): void {
    this.#exchange = null;
    // A connection may be idle for long: it keeps nothing of what it carried.
    this.#request = null;
    this.#owner.over();
    this.#owner.next(this.#closing);
  }
}
