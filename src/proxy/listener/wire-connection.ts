import type { Exchange, Peer } from "../../model/exchange.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import { NO_BODY, UNTIL_CLOSE } from "../http1/body-framing.ts";
import type { RequestHead } from "../http1/request-head.ts";
import type { Ticked } from "../ticker.ts";
import { type ByteSocket, hangUp, type SocketEvents } from "../wire/byte-socket.ts";
import { type BodySource, IncomingBody } from "../wire/incoming-body.ts";
import { localReply } from "./local-reply.ts";
import { receivedExchange } from "./received-exchange.ts";
import { RequestReader } from "./request-reader.ts";
import { type ReplyOwner, WireResponder } from "./wire-responder.ts";
import type { WireHost } from "./wire-host.ts";
import { enforceTimeouts } from "./wire-timeouts.ts";

const GONE = new GatewayError("client_closed");

/**
 * One downstream connection: reads heads and bodies and hands exchanges to the gateway, one after the other; `WireResponder`
 * writes their replies. Everything happens inside the call that brought the octets: nothing on the way is a promise.
 */
export class WireConnection implements SocketEvents, BodySource, ReplyOwner, Ticked {
  tickSlot = -1;
  readonly host: WireHost;
  readonly peer: Peer;
  readonly responder: WireResponder;
  readonly reader: RequestReader;
  exchange: Exchange | null = null;
  /** The part of the request, or of the tunnel, that is still to come from the client. */
  body: IncomingBody | null = null;
  /** On the coarse clock: since the connection waits for a request, or lingers. */
  idleSince: number;
  readAt: number;
  /** What still comes is thrown away: a reset would cost the client the reply that is on its way (RFC 9112 §9.6). */
  lingering = false;
  /** Where the listener's certificates differ in whom they let in: may this connection ask for that host? */
  admits: ((host: string) => boolean) | null = null;
  readonly #socket: ByteSocket;
  #processing = false;
  #lastExchange = false;
  /** FIN came: nothing follows what waits here. */
  #finished = false;
  #open = true;

  constructor(socket: ByteSocket, peer: Peer, host: WireHost) {
    const { fast } = host.context;
    this.#socket = socket;
    this.peer = peer;
    this.host = host;
    this.reader = new RequestReader(socket, host.context);
    this.responder = new WireResponder(socket, this, host.context);
    this.idleSince = fast.now;
    this.readAt = fast.now;
    fast.add(this);
  }

  /** May another request follow this one? */
  get persistent(): boolean {
    return !this.#lastExchange && !this.host.draining && this.body === null;
  }

  // ---- what the socket says ----

  onData(bytes: Buffer): void {
    this.readAt = this.host.context.fast.now;
    if (this.body !== null) return this.body.feed(bytes);
    if (this.lingering) return;
    if (this.exchange !== null) return this.reader.keep(bytes);
    this.#process(this.reader.join(bytes));
  }

  onDrain(): void {
    this.responder.out.drained();
  }

  /** FIN alone is half-close: the replies to what came before it are still wanted. */
  onEnd(): void {
    this.#finished = true;
    if (this.exchange === null) return hangUp(this.#socket);
    this.body?.finished(new GatewayError("client_closed", "the client stopped in the middle of its request"));
    this.exchange?.running?.doubt?.();
  }

  onClose(): void {
    if (!this.#open) return;
    this.#open = false;
    this.host.context.fast.remove(this);
    this.responder.out.attach(null);
    const gone = new GatewayError("client_closed");
    this.body?.closed(gone);
    this.exchange?.running?.cancel(gone);
    this.over(gone);
    this.host.closed(this);
  }

  onTick(now: number): void {
    enforceTimeouts(this, now, this.host.context.door.timeouts);
  }

  /** The clock, a limit or the end of the process says so. */
  close(): void {
    this.#lastExchange = true;
    if (this.exchange === null) hangUp(this.#socket);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  // ---- heads ----

  #process(bytes: Buffer): void {
    const reader = this.reader;
    this.#processing = true;
    reader.waiting = null;
    let input: Buffer | null = bytes;
    while (input !== null && this.exchange === null && this.#open && !this.#lastExchange) {
      const head = reader.read(input);
      if (head === null) break;
      if (head instanceof GatewayError) {
        this.refuse(head);
        break;
      }
      const next = this.#accept(head, input, reader.next);
      const rest: Buffer | null = next < input.byteLength ? input.subarray(next) : null;
      if (this.exchange !== null) {
        if (rest !== null) reader.keep(rest);
        break;
      }
      // Answered at once. A body that was complete has given back what follows it.
      input = reader.waiting ?? rest;
      reader.waiting = null;
    }
    this.#processing = false;
  }

  #accept(head: RequestHead, bytes: Buffer, next: number): number {
    const { context, spec } = this.host;
    const incoming = head.framing === NO_BODY || head.framing === 0 ? null : this.#incoming(head.framing);
    const exchange = receivedExchange(head, incoming, this.peer, this.host);
    if (!head.keepAlive) this.#lastExchange = true;
    this.exchange = exchange;
    this.body = incoming;
    incoming?.offer(bytes, next);
    this.responder.begin(exchange, head);
    const local = localReply(exchange, spec, context.door.ready);
    if (this.admits?.(head.host) === false) this.responder.failed(new GatewayError("misdirected_request"));
    else if (local !== null) this.responder.reply(local);
    else context.door.handle(exchange, this.responder);
    incoming?.settle();
    return incoming === null ? next : bytes.byteLength;
  }

  #incoming(framing: number): IncomingBody {
    const maxTrailerBytes = this.host.context.door.limits.maxHeaderBytes;
    return new IncomingBody(framing, this, { maxTrailerBytes, fault: "bad_request" });
  }

  /** For what never became an exchange: answered, and the connection is done for, since nobody knows where the next starts. */
  refuse(error: GatewayError): void {
    this.#lastExchange = true;
    this.lingering = true;
    this.responder.refuse(this.host.context.door.refuse(error, this.host.spec.name, this.peer.address));
  }

  // ---- request bodies ----

  pauseBody(): void {
    this.#socket.pause();
  }

  resumeBody(): void {
    if (this.#open) this.#socket.resume();
  }

  bodyEnded(error: GatewayError | null, rest: Buffer | null): void {
    const { body, exchange } = this;
    this.body = null;
    if (exchange !== null && body !== null) exchange.requestBytes = body.size;
    if (this.responder.tunnelled) return this.responder.tunnelHalfOver();
    if (error === null) {
      if (rest !== null) this.reader.keep(rest);
      return;
    }
    this.#lastExchange = true;
    this.lingering = true;
    exchange?.running?.cancel(error);
  }

  bodyUnwanted(why: GatewayError): void {
    const body = this.body;
    this.body = null;
    this.#lastExchange = true;
    this.lingering = true;
    if (body?.paused === true) this.resumeBody();
    if (this.responder.tunnelled) this.responder.bodyCut(why);
  }

  /** A reply that does not wait for the body: what has come of it is read away, so that the connection may be kept. */
  dropUnreadBody(): void {
    if (this.body === null || this.body.used) return;
    this.body.discard();
    if (this.body !== null) this.#lastExchange = true;
  }

  /** After 101: what the client sends from now on. */
  openTunnel(): IncomingBody {
    this.#lastExchange = true;
    const body = (this.body = this.#incoming(UNTIL_CLOSE));
    const early = this.reader.waiting;
    this.reader.waiting = null;
    this.reader.resume();
    if (early !== null) body.feed(early);
    if (this.#finished) body.finished(GONE);
    return body;
  }

  // ---- the end of an exchange ----

  /** The reply is out, or was cut short. */
  over(error?: GatewayError): void {
    const exchange = this.exchange;
    this.exchange = null;
    if (exchange === null) return;
    if (this.body !== null) exchange.requestBytes = this.body.size;
    this.host.context.door.ended(exchange, error);
  }

  /** The reply is out and the connection whole. */
  next(closing: boolean): void {
    if (!this.#open) return;
    this.idleSince = this.host.context.fast.now;
    if (closing || this.#lastExchange || this.host.draining) return this.#leave();
    this.reader.resume();
    if (this.#processing) return;
    if (this.reader.waiting !== null) this.#process(this.reader.waiting);
    if (this.#finished && this.exchange === null && this.#open && !this.lingering) hangUp(this.#socket);
  }

  #leave(): void {
    this.#lastExchange = true;
    const body = this.body;
    if (body !== null) {
      this.lingering = true;
      body.cancel(new GatewayError("client_closed", "the reply did not wait for the rest of the request"));
    }
    if (!this.lingering) return hangUp(this.#socket);
    this.reader.resume();
    this.#socket.shutdown();
  }
}
