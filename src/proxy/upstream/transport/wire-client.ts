import type { Body } from "../../../model/body.ts";
import { GatewayError } from "../../../model/gateway-error.ts";
import { type Framing, NO_BODY, UNTIL_CLOSE } from "../../http1/body-framing.ts";
import type { ResponseHead } from "../../http1/response-head.ts";
import type { Ticked } from "../../ticker.ts";
import { type ByteSocket, hangUp, type SocketEvents } from "../../wire/byte-socket.ts";
import { type BodySource, IncomingBody } from "../../wire/incoming-body.ts";
import { MAX_HEAD_BYTES, type ReplyOwner, ReplyReader } from "./reply-reader.ts";
import { type RequestOwner, RequestWriter } from "./request-writer.ts";
import { enforceClientTimeouts, isTooOld } from "./wire-client-timeouts.ts";
import { Dial } from "./wire-dial.ts";
import type { WireDispatch } from "./wire-dispatch.ts";
import type { WirePool } from "./wire-pool.ts";

const REPLY_LIMITS = { maxTrailerBytes: MAX_HEAD_BYTES, fault: "upstream_bad_response" } as const;

/**
 * One upstream connection: carries one attempt after the other, for as long as both sides behave. What is not provably in order
 * (octets nobody asked for, a request that did not go out whole) ends it.
 */
export class WireClient implements SocketEvents, BodySource, RequestOwner, ReplyOwner, Ticked {
  tickSlot = -1;
  readonly request: RequestWriter;
  /** The attempt it carries, or connects for. */
  dispatch: WireDispatch | null = null;
  /** The part of the reply, or of the tunnel, that is still to come. */
  reply: IncomingBody | null = null;
  /** Since it began to connect, then since it is idle. */
  idleSince: number;
  readAt = 0;
  /** Silence is in the nature of this reply. */
  replyMayIdle = false;
  /** After 101: octets flow both ways until both sides are done. */
  tunnelled = false;
  readonly #pool: WirePool;
  readonly #reader: ReplyReader;
  readonly #bornAt: number;
  /** Until it is connected. */
  #dial: Dial | null = null;
  #socket: ByteSocket | null = null;
  /** The reply is complete, its request is not. */
  #requestOwed = false;
  #heard = false;
  #carried = 0;
  #persistent = false;
  #closed = false;

  constructor(pool: WirePool) {
    this.#pool = pool;
    this.idleSince = this.#bornAt = pool.ticker.now;
    this.#reader = new ReplyReader(this);
    this.request = new RequestWriter(this, pool.ticker);
    pool.ticker.add(this);
  }

  get connected(): boolean {
    return this.#socket !== null;
  }

  // ---- connecting ----

  connect(dispatch: WireDispatch): void {
    this.dispatch = dispatch;
    dispatch.client = this;
    const { spec, ticker } = this.#pool;
    this.#dial = new Dial({ attempt: dispatch.attempt, tls: spec.tls, ticker }, this);
    this.#dial.start();
  }

  onConnected(socket: ByteSocket): void {
    this.#dial = null;
    this.#socket = socket;
    this.request.out.attach(socket);
    const dispatch = this.dispatch;
    // Whoever wanted the connection may be gone; somebody else will want it.
    if (dispatch === null) return this.#rest();
    this.start(dispatch);
  }

  onConnectFailed(error: GatewayError): void {
    this.#dial = null;
    this.lose(error);
  }

  // ---- requests ----

  start(dispatch: WireDispatch): void {
    this.dispatch = dispatch;
    dispatch.client = this;
    this.#heard = false;
    this.replyMayIdle = false;
    this.readAt = this.#pool.ticker.now;
    if (!this.request.write(dispatch.attempt))
      this.lose(new GatewayError("internal", "a request's head cannot be written"));
  }

  requestSent(): void {
    if (this.tunnelled) this.#endTunnel();
    // The reply was faster than the request; now both are over.
    else if (this.#requestOwed) this.#complete(null);
  }

  requestCut(why: GatewayError): void {
    if (this.tunnelled) this.#destroy(why);
    else this.lose(why);
  }

  /** The attempt is not wanted any more. */
  cancel(dispatch: WireDispatch, why: GatewayError): void {
    if (this.dispatch !== dispatch) return dispatch.fail(why);
    if (this.#socket === null) {
      // Still connecting: the connection may serve the next one.
      this.dispatch = null;
      return dispatch.fail(why);
    }
    if (this.reply !== null) return this.reply.cancel(why);
    this.lose(why);
  }

  // ---- replies ----

  onData(bytes: Buffer): void {
    this.readAt = this.#pool.ticker.now;
    if (this.reply !== null) return this.reply.feed(bytes);
    if (this.dispatch === null || this.#requestOwed) return this.#destroy(null);
    this.#heard = true;
    this.#reader.feed(bytes, this.dispatch.attempt.method);
  }

  interim(head: ResponseHead): boolean {
    const dispatch = this.dispatch!;
    this.request.sentAt = this.readAt;
    dispatch.on.informational(head.status, head.headers);
    return this.dispatch === dispatch;
  }

  final(head: ResponseHead, bytes: Buffer, next: number): void {
    const dispatch = this.dispatch!;
    dispatch.settled = true;
    this.#persistent = head.keepAlive;
    const { status, reason, headers, framing } = head;
    if (framing === NO_BODY || framing === 0) {
      dispatch.on.reply({ status, reason, headers, body: null });
      if (!this.#closed) this.#complete(next < bytes.byteLength ? bytes.subarray(next) : null);
      return;
    }
    const body = (this.reply = this.#incoming(framing));
    this.replyMayIdle = head.eventStream;
    body.offer(bytes, next);
    dispatch.on.reply({ status, reason, headers, body });
    body.settle();
  }

  switching(head: ResponseHead, bytes: Buffer, next: number): void {
    const { attempt, on } = this.dispatch!;
    if (attempt.upgrade === null || head.upgrade !== attempt.upgrade)
      return this.unreadable("an upgrade nobody asked for");
    this.dispatch!.settled = true;
    this.tunnelled = true;
    this.replyMayIdle = true;
    const incoming = (this.reply = this.#incoming(UNTIL_CLOSE));
    incoming.offer(bytes, next);
    const { status, reason, headers } = head;
    const outgoing = this.request.openTunnel();
    const close = (why: GatewayError) => this.#destroy(why);
    on.tunnel({ status, reason, headers, body: null }, { kind: "bytes", incoming, outgoing, close });
    incoming.settle();
  }

  unreadable(detail: string): void {
    this.lose(new GatewayError("upstream_bad_response", detail));
  }

  #incoming(framing: Framing): IncomingBody {
    return new IncomingBody(framing, this, REPLY_LIMITS);
  }

  pauseBody(): void {
    this.#socket?.pause();
  }

  resumeBody(): void {
    // A client that read slowly is no reason to call the upstream quiet.
    this.readAt = this.#pool.ticker.now;
    if (!this.#closed) this.#socket?.resume();
  }

  bodyEnded(error: GatewayError | null, rest: Buffer | null): void {
    this.reply = null;
    if (error !== null) this.#destroy(this.tunnelled ? error : null);
    else if (this.tunnelled) this.#endTunnel();
    else this.#complete(rest);
  }

  bodyUnwanted(why: GatewayError): void {
    this.reply = null;
    this.#destroy(why);
  }

  // ---- what the socket and the clock say ----

  onDrain(): void {
    this.request.out.drained();
  }

  onEnd(): void {
    const { reply } = this;
    const cut = new GatewayError("upstream_reset", "the upstream closed the connection before its reply was complete");
    if (reply !== null) reply.finished(cut);
    else if (!this.tunnelled) this.lose(cut);
  }

  onClose(error?: Error): void {
    this.lose(new GatewayError("upstream_reset", error === undefined ? "the connection closed" : error.message));
  }

  onTick(now: number): void {
    enforceClientTimeouts(this, now);
  }

  // ---- the end ----

  /** The reply is complete. */
  #complete(rest: Buffer | null): void {
    const attempt = this.dispatch?.attempt;
    if (rest !== null || !this.#persistent || attempt === undefined) {
      this.#abandonRequest(attempt?.body ?? null);
      return this.#destroy(null);
    }
    if (!this.request.sent) {
      // It may still be on its way; until it is out, the connection carries nothing else.
      this.#requestOwed = true;
      return;
    }
    this.#requestOwed = false;
    this.dispatch!.client = null;
    this.dispatch = null;
    this.#carried++;
    this.#rest();
  }

  #abandonRequest(body: Body | null): void {
    if (!this.request.sent) body?.cancel(new GatewayError("client_closed", "the upstream replied without reading on"));
  }

  #rest(): void {
    this.idleSince = this.#pool.ticker.now;
    if (isTooOld(this.#bornAt, this.idleSince)) this.close();
    else this.#pool.release(this);
  }

  /** One direction of the tunnel has ended: what waits goes out before FIN does. */
  #endTunnel(): void {
    if (this.#closed || !this.request.sent) return;
    const { out } = this.request;
    if (out.blocked) out.onDrain = () => this.#endTunnel();
    else if (this.reply === null) this.#destroy(null);
    else this.#socket?.shutdown();
  }

  /** Ends an idle connection. */
  close(): void {
    this.#destroy(null);
  }

  /** The attempt under way cannot be completed: whoever waits for it must learn so. */
  lose(why: GatewayError): void {
    if (this.#closed) return;
    const { dispatch, reply } = this;
    const stale =
      dispatch !== null && this.#carried > 0 && !this.#heard && why.kind === "upstream_reset" && dispatch.mayResend;
    this.reply = null;
    this.#destroy(null);
    if (reply !== null) return reply.closed(why);
    if (stale) return this.#pool.resubmit(dispatch);
    dispatch?.fail(why);
  }

  #destroy(why: GatewayError | null): void {
    if (this.#closed) return;
    this.#closed = true;
    const { reply } = this;
    this.dispatch = null;
    this.reply = null;
    this.#pool.ticker.remove(this);
    this.request.out.attach(null);
    this.#dial?.abandon();
    const socket = this.#socket;
    if (socket !== null && why === null) hangUp(socket);
    else socket?.terminate();
    reply?.closed(why ?? new GatewayError("upstream_reset"));
    this.#pool.lost(this);
  }
}
