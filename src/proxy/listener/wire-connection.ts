import { BytesBody, type Sink } from "../../model/body.ts";
import { Exchange, type Peer } from "../../model/exchange.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import type { ListenerSpec } from "../../model/snapshot-spec.ts";
import { NO_BODY, UNTIL_CLOSE } from "../http1/body-framing.ts";
import { HeadScanner } from "../http1/head-scanner.ts";
import { parseRequestHead, type RequestHead } from "../http1/request-head.ts";
import type { Ticked } from "../ticker.ts";
import { type ByteSocket, hangUp, type SocketEvents } from "../wire/byte-socket.ts";
import { type BodySource, IncomingBody } from "../wire/incoming-body.ts";
import type { ListenerContext } from "./listener.ts";
import { localReply } from "./local-reply.ts";
import { type ReplyOwner, WireResponder } from "./wire-responder.ts";
import { enforceTimeouts } from "./wire-timeouts.ts";

/** What a listener is to its connections. */
export interface WireHost {
  readonly spec: ListenerSpec;
  readonly context: ListenerContext;
  readonly draining: boolean;
  closed(connection: WireConnection): void;
}

/** Pipelined requests that wait for their turn; beyond it the connection is paused (a paused socket never sees FIN). */
const MAX_WAITING_BYTES = 64 * 1024;
const EMPTY_BODY = new BytesBody(new Uint8Array(0));
const NOWHERE: Sink = { write: () => true, end: () => undefined, abort: () => undefined, onDrain: null };

/**
 * One downstream connection: reads heads and bodies and hands exchanges to the gateway, one after the other; `WireResponder`
 * writes their replies. Everything happens inside the call that brought the octets: nothing on the way is a promise.
 */
export class WireConnection implements SocketEvents, BodySource, ReplyOwner, Ticked {
  tickSlot = -1;
  readonly responder: WireResponder;
  exchange: Exchange | null = null;
  /** The part of the request, or of the tunnel, that is still to come from the client. */
  body: IncomingBody | null = null;
  /** On the coarse clock: since the connection waits for a request, or lingers. */
  idleSince: number;
  /** Since the first octet of an incomplete head; 0: there is none. */
  headSince = 0;
  readAt: number;
  /** What still comes is thrown away: a reset would cost the client the reply that is on its way (RFC 9112 §9.6). */
  lingering = false;
  /** Where the listener's certificates differ in whom they let in: may this connection ask for that host? */
  admits: ((host: string) => boolean) | null = null;
  readonly #host: WireHost;
  readonly #peer: Peer;
  readonly #socket: ByteSocket;
  readonly #scanner: HeadScanner;
  /** Octets of an incomplete head, or of requests whose turn has not come. */
  #input: Buffer | null = null;
  #inputPaused = false;
  #processing = false;
  #lastExchange = false;
  #open = true;

  constructor(socket: ByteSocket, peer: Peer, host: WireHost) {
    const { fast, door } = host.context;
    this.#socket = socket;
    this.#peer = peer;
    this.#host = host;
    this.#scanner = new HeadScanner({ maxHeadBytes: door.limits.maxHeaderBytes, emptyLines: "skip" });
    this.responder = new WireResponder(socket, this, host.context);
    this.idleSince = fast.now;
    this.readAt = fast.now;
    fast.add(this);
  }

  /** May another request follow this one? */
  get persistent(): boolean {
    return !this.#lastExchange && !this.#host.draining && this.body === null;
  }

  // ---- what the socket says ----

  onData(bytes: Buffer): void {
    this.readAt = this.#host.context.fast.now;
    if (this.body !== null) return this.body.feed(bytes);
    if (this.lingering) return;
    if (this.exchange !== null) return this.#keep(bytes);
    this.#process(this.#input === null ? bytes : Buffer.concat([this.#input, bytes]));
  }

  onDrain(): void {
    this.responder.out.drained();
  }

  /** FIN alone is half-close: a reply that is due is still wanted. */
  onEnd(): void {
    this.#lastExchange = true;
    if (this.exchange === null) return hangUp(this.#socket);
    const tunnelled = this.responder.tunnelled;
    this.body?.closed(
      tunnelled ? null : new GatewayError("client_closed", "the client stopped in the middle of its request"),
    );
  }

  onClose(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#host.context.fast.remove(this);
    this.responder.out.attach(null);
    const gone = new GatewayError("client_closed");
    this.body?.closed(gone);
    this.exchange?.running?.cancel(gone);
    this.over(gone);
    this.#host.closed(this);
  }

  onTick(now: number): void {
    enforceTimeouts(this, now, this.#host.context.door.timeouts);
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
    this.#processing = true;
    this.#input = null;
    let input: Buffer | null = bytes;
    while (input !== null && this.exchange === null && this.#open && !this.#lastExchange) {
      const next: number = this.#begin(input);
      if (next < 0) break;
      const rest: Buffer | null = next < input.byteLength ? input.subarray(next) : null;
      if (this.exchange !== null) {
        if (rest !== null) this.#keep(rest);
        break;
      }
      // Answered at once. A body that was complete has given back what follows it.
      input = this.#input ?? rest;
      this.#input = null;
    }
    this.#processing = false;
  }

  /** @returns where the next message starts; -1: more must come, or nothing more is read. */
  #begin(bytes: Buffer): number {
    const { door, fast } = this.#host.context;
    const end = this.#scanner.scan(bytes, 0);
    if (end instanceof GatewayError) return this.refuse(end);
    if (end < 0) {
      if (this.headSince === 0) this.headSince = fast.now;
      this.#input = Buffer.from(bytes);
      return -1;
    }
    this.headSince = 0;
    const head = parseRequestHead(bytes, this.#scanner.start, end, door.limits);
    if (head instanceof GatewayError) return this.refuse(head);
    return this.#accept(head, bytes, end + 4);
  }

  #accept(head: RequestHead, bytes: Buffer, next: number): number {
    const { context, spec } = this.#host;
    const incoming = head.framing === NO_BODY || head.framing === 0 ? null : this.#incoming(head.framing);
    const exchange = new Exchange({
      received: head,
      scheme: spec.tls.length > 0 ? "https" : "http",
      host: head.host,
      peer: this.#peer,
      listener: spec.name,
      requestBody: incoming ?? (head.framing === 0 ? EMPTY_BODY : null),
      // What a client sends behind an upgrading request that has a body could be read in two ways.
      upgrade: incoming === null ? head.upgrade : null,
      startedAt: context.clock.now(),
      origins: context.door,
      edge: "wire",
    });
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
    const maxTrailerBytes = this.#host.context.door.limits.maxHeaderBytes;
    return new IncomingBody(framing, this, { maxTrailerBytes, fault: "bad_request" });
  }

  #keep(bytes: Buffer): void {
    this.#input = this.#input === null ? Buffer.from(bytes) : Buffer.concat([this.#input, bytes]);
    if (this.#input.byteLength <= MAX_WAITING_BYTES || this.#inputPaused) return;
    this.#inputPaused = true;
    this.#socket.pause();
  }

  #resumeInput(): void {
    if (!this.#inputPaused) return;
    this.#inputPaused = false;
    this.#socket.resume();
  }

  /** For what never became an exchange: answered, and the connection is done for, since nobody knows where the next starts. */
  refuse(error: GatewayError): -1 {
    this.#lastExchange = true;
    this.lingering = true;
    this.responder.refuse(this.#host.context.door.refuse(error, this.#host.spec.name, this.#peer.address));
    return -1;
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
      if (rest !== null) this.#keep(rest);
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
    const body = this.body;
    if (body === null || body.used) return;
    body.pipeTo(NOWHERE, () => undefined);
    if (this.body !== null) this.#lastExchange = true;
  }

  /** After 101: what the client sends from now on. */
  openTunnel(): IncomingBody {
    this.#lastExchange = true;
    const body = (this.body = this.#incoming(UNTIL_CLOSE));
    const early = this.#input;
    this.#input = null;
    this.#resumeInput();
    if (early !== null) body.feed(early);
    return body;
  }

  // ---- the end of an exchange ----

  /** The reply is out, or was cut short. */
  over(error?: GatewayError): void {
    const exchange = this.exchange;
    this.exchange = null;
    if (exchange === null) return;
    if (this.body !== null) exchange.requestBytes = this.body.size;
    this.#host.context.door.ended(exchange, error);
  }

  /** The reply is out and the connection whole. */
  next(closing: boolean): void {
    if (!this.#open) return;
    this.idleSince = this.#host.context.fast.now;
    if (closing || this.#lastExchange || this.#host.draining) return this.#leave();
    this.#resumeInput();
    if (this.#input !== null && !this.#processing) this.#process(this.#input);
  }

  #leave(): void {
    this.#lastExchange = true;
    const body = this.body;
    if (body !== null) {
      this.lingering = true;
      body.cancel(new GatewayError("client_closed", "the reply did not wait for the rest of the request"));
    }
    if (!this.lingering) return hangUp(this.#socket);
    this.#resumeInput();
    this.#socket.shutdown();
  }
}
