import { GatewayError } from "../../../model/gateway-error.ts";
import { HeadScanner } from "../../http1/head-scanner.ts";
import { NO_BODY, UNTIL_CLOSE } from "../../http1/body-framing.ts";
import { parseResponseHead, type ResponseHead } from "../../http1/response-head.ts";
import type { Ticked } from "../../ticker.ts";
import { type ByteSocket, hangUp, type SocketEvents } from "../../wire/byte-socket.ts";
import { type BodySource, IncomingBody } from "../../wire/incoming-body.ts";
import { type BodyOwner, OutgoingBody } from "../../wire/outgoing-body.ts";
import { SocketOut } from "../../wire/socket-out.ts";
import { Dial } from "./wire-dial.ts";
import type { WireDispatch } from "./wire-dispatch.ts";
import type { WirePool } from "./wire-pool.ts";
import { WireRequestHead } from "./wire-request-head.ts";

// How a body went is told to its sink's owner already.
const ignore = (): void => undefined;
const MAX_HEAD_BYTES = 256 * 1024;
const REPLY_LIMITS = { maxTrailerBytes: MAX_HEAD_BYTES, fault: "upstream_bad_response" } as const;
const IDLE_MS = 60_000;
const MAX_AGE_MS = 60 * 60_000;

/**
 * One upstream connection: carries one attempt after the other, for as long as both sides behave. What is not provably in order
 * (octets nobody asked for, a request that did not go out whole) ends it.
 */
export class WireClient implements SocketEvents, BodySource, BodyOwner, Ticked {
  tickSlot = -1;
  readonly out: SocketOut;
  readonly #pool: WirePool;
  readonly #scanner = new HeadScanner({ maxHeadBytes: MAX_HEAD_BYTES, emptyLines: "refuse" });
  /** Until it is connected. */
  #dial: Dial | null = null;
  #socket: ByteSocket | null = null;
  #dispatch: WireDispatch | null = null;
  /** Since it began to connect, then since it is idle. */
  #since: number;
  readonly #bornAt: number;
  #sentAt = 0;
  #readAt = 0;
  #requestSent = false;
  #requestOwed = false;
  #input: Buffer | null = null;
  #heard = false;
  #carried = 0;
  #reply: IncomingBody | null = null;
  #replyMayIdle = false;
  #persistent = false;
  #tunnelled = false;
  #closed = false;

  constructor(pool: WirePool) {
    this.#pool = pool;
    this.#since = this.#bornAt = pool.ticker.now;
    this.out = new SocketOut(null, () => pool.ticker.now);
    pool.ticker.add(this);
  }

  // ---- connecting ----

  connect(dispatch: WireDispatch): void {
    this.#dispatch = dispatch;
    dispatch.client = this;
    const { spec, ticker } = this.#pool;
    this.#dial = new Dial({ attempt: dispatch.attempt, tls: spec.tls, ticker }, this);
    this.#dial.start();
  }

  onConnected(socket: ByteSocket): void {
    this.#dial = null;
    this.#socket = socket;
    this.out.attach(socket);
    const dispatch = this.#dispatch;
    // Whoever wanted the connection may be gone; somebody else will want it.
    if (dispatch === null) return this.#rest();
    this.start(dispatch);
  }

  onConnectFailed(error: GatewayError): void {
    this.#dial = null;
    this.#lose(error);
  }

  // ---- requests ----

  start(dispatch: WireDispatch): void {
    const { attempt } = dispatch;
    const { body } = attempt;
    this.#dispatch = dispatch;
    dispatch.client = this;
    this.#heard = false;
    this.#replyMayIdle = false;
    this.#requestSent = body === null;
    this.#sentAt = this.#readAt = this.#pool.ticker.now;
    const head = new WireRequestHead(attempt);
    if (!this.out.head(head)) return this.#lose(new GatewayError("internal", "a request's head cannot be written"));
    if (body !== null) {
      const outgoing = new OutgoingBody(this.out, head.framing, this);
      outgoing.corked = true;
      body.pipeTo(outgoing, ignore);
      outgoing.corked = false;
    }
    this.out.flush();
  }

  bodySent(): void {
    this.#requestSent = true;
    this.#sentAt = this.#pool.ticker.now;
    if (this.#tunnelled) this.#socket?.shutdown();
    // The reply was faster than the request; now both are over.
    else if (this.#requestOwed) this.#complete(null);
  }

  bodyCut(why: GatewayError): void {
    if (this.#tunnelled) return this.#destroy(why);
    this.#lose(why);
  }

  /** The attempt is not wanted any more. */
  cancel(dispatch: WireDispatch, why: GatewayError): void {
    if (this.#dispatch !== dispatch) return dispatch.fail(why);
    if (this.#socket === null) {
      // Still connecting: the connection may serve the next one.
      this.#dispatch = null;
      return dispatch.fail(why);
    }
    if (this.#reply !== null) return this.#reply.cancel(why);
    this.#lose(why);
  }

  // ---- replies ----

  onData(bytes: Buffer): void {
    this.#readAt = this.#pool.ticker.now;
    if (this.#reply !== null) return this.#reply.feed(bytes);
    if (this.#dispatch === null || this.#requestOwed) return this.#destroy(null);
    this.#heard = true;
    let input: Buffer | null = this.#input === null ? bytes : Buffer.concat([this.#input, bytes]);
    this.#input = null;
    while (input !== null) input = this.#readHead(input);
  }

  /** @returns what follows an interim reply; null when there is nothing left to do with it. */
  #readHead(bytes: Buffer): Buffer | null {
    const dispatch = this.#dispatch!;
    const end = this.#scanner.scan(bytes, 0);
    if (end instanceof GatewayError) return this.#bad(end.detail);
    if (end < 0) {
      this.#input = Buffer.from(bytes);
      return null;
    }
    const head = parseResponseHead(bytes, 0, end, dispatch.attempt.method);
    if (head instanceof GatewayError) return this.#bad(head.detail);
    const next = end + 4;
    if (head.status >= 200) return this.#final(dispatch, head, bytes, next);
    if (head.status === 101) return this.#switch(dispatch, head, bytes.subarray(next));
    this.#sentAt = this.#readAt;
    dispatch.on.informational(head.status, head.headers);
    return next < bytes.byteLength && this.#dispatch === dispatch ? bytes.subarray(next) : null;
  }

  #final(dispatch: WireDispatch, head: ResponseHead, bytes: Buffer, next: number): null {
    dispatch.settled = true;
    this.#persistent = head.keepAlive;
    const { status, reason, headers, framing } = head;
    if (framing === NO_BODY || framing === 0) {
      dispatch.on.reply({ status, reason, headers, body: null });
      if (!this.#closed) this.#complete(next < bytes.byteLength ? bytes.subarray(next) : null);
      return null;
    }
    const body = this.#incoming(framing);
    this.#reply = body;
    this.#replyMayIdle = head.eventStream;
    body.offer(bytes, next);
    dispatch.on.reply({ status, reason, headers, body });
    body.settle();
    return null;
  }

  #switch(dispatch: WireDispatch, head: ResponseHead, rest: Buffer): null {
    if (dispatch.attempt.upgrade === null || head.upgrade !== dispatch.attempt.upgrade)
      return this.#bad("an upgrade nobody asked for");
    dispatch.settled = true;
    this.#tunnelled = true;
    this.#replyMayIdle = true;
    const incoming = (this.#reply = this.#incoming(UNTIL_CLOSE));
    incoming.offer(rest, 0);
    const { status, reason, headers } = head;
    const outgoing = new OutgoingBody(this.out, UNTIL_CLOSE, this);
    const close = (why: GatewayError) => this.#destroy(why);
    dispatch.on.tunnel({ status, reason, headers, body: null }, { kind: "bytes", incoming, outgoing, close });
    incoming.settle();
    return null;
  }

  #incoming(framing: number): IncomingBody {
    return new IncomingBody(framing, this, REPLY_LIMITS);
  }

  #bad(detail: string): null {
    this.#lose(new GatewayError("upstream_bad_response", detail));
    return null;
  }

  pauseBody(): void {
    this.#socket?.pause();
  }

  resumeBody(): void {
    // A client that read slowly is no reason to call the upstream quiet.
    this.#readAt = this.#pool.ticker.now;
    if (!this.#closed) this.#socket?.resume();
  }

  bodyEnded(error: GatewayError | null, rest: Buffer | null): void {
    this.#reply = null;
    if (this.#tunnelled) return error === null ? this.#tunnelHalfOver() : this.#destroy(error);
    if (error !== null) return this.#destroy(error);
    this.#complete(rest);
  }

  bodyUnwanted(why: GatewayError): void {
    this.#reply = null;
    this.#destroy(why);
  }

  // ---- what the socket and the clock say ----

  onDrain(): void {
    this.out.drained();
  }

  onEnd(): void {
    const reply = this.#reply;
    if (reply !== null) reply.closed(null);
    else this.#lose(new GatewayError("upstream_reset", "the upstream closed the connection before it replied"));
  }

  onClose(error?: Error): void {
    this.#lose(new GatewayError("upstream_reset", error === undefined ? "the connection closed" : error.message));
  }

  onTick(now: number): void {
    const dispatch = this.#dispatch;
    if (dispatch === null && this.#reply === null) {
      if (now - this.#since > IDLE_MS) this.close();
      return;
    }
    const timeouts = dispatch?.attempt.timeouts;
    if (timeouts === undefined) return;
    if (this.#socket === null) return;
    if (this.#reply !== null) {
      const limit = this.#replyMayIdle ? dispatch!.attempt.streamIdleMs : timeouts.idleMs;
      const quiet = now - Math.max(this.#readAt, this.#tunnelled ? this.out.wroteAt : 0);
      if (limit !== null && !this.#reply.paused && quiet > limit)
        this.#lose(new GatewayError("upstream_timeout", "the reply stalled"));
    } else if (
      this.#requestSent ? now - this.#sentAt > timeouts.firstByteMs : this.#stalls(now, timeouts.firstByteMs)
    ) {
      this.#lose(new GatewayError("upstream_timeout", "no reply in time"));
    }
  }

  /** The upstream does not take the request's body. */
  #stalls(now: number, limit: number): boolean {
    return this.out.blocked && now - this.out.wroteAt > limit;
  }

  // ---- the end ----

  /** The reply is complete. */
  #complete(rest: Buffer | null): void {
    const attempt = this.#dispatch?.attempt;
    if (rest !== null || !this.#persistent || attempt === undefined) {
      this.#abandonRequest(attempt?.body ?? null);
      return this.#destroy(null);
    }
    if (!this.#requestSent) {
      // It may still be on its way; until it is out, the connection carries nothing else.
      this.#requestOwed = true;
      return;
    }
    this.#requestOwed = false;
    this.#dispatch!.client = null;
    this.#dispatch = null;
    this.#carried++;
    this.#rest();
  }

  #abandonRequest(body: { cancel(why: GatewayError): void } | null): void {
    if (!this.#requestSent) body?.cancel(new GatewayError("client_closed", "the upstream replied without reading on"));
  }

  #rest(): void {
    this.#since = this.#pool.ticker.now;
    if (this.#since - this.#bornAt > MAX_AGE_MS) return this.close();
    this.#pool.release(this);
  }

  #tunnelHalfOver(): void {
    if (this.#requestSent) this.#destroy(null);
  }

  /** Ends an idle connection. */
  close(): void {
    this.#destroy(null);
  }

  /** The attempt under way cannot be completed: whoever waits for it must learn so. */
  #lose(why: GatewayError): void {
    if (this.#closed) return;
    const dispatch = this.#dispatch;
    const reply = this.#reply;
    const stale =
      dispatch !== null && this.#carried > 0 && !this.#heard && why.kind === "upstream_reset" && dispatch.mayResend;
    this.#reply = null;
    this.#destroy(null);
    if (reply !== null) return reply.closed(why);
    if (stale) return this.#pool.resubmit(dispatch);
    dispatch?.fail(why);
  }

  #destroy(why: GatewayError | null): void {
    if (this.#closed) return;
    this.#closed = true;
    const reply = this.#reply;
    this.#dispatch = null;
    this.#reply = null;
    this.#pool.ticker.remove(this);
    this.out.attach(null);
    this.#dial?.abandon();
    const socket = this.#socket;
    if (socket !== null && why === null) hangUp(socket);
    else socket?.terminate();
    reply?.closed(why ?? new GatewayError("upstream_reset"));
    this.#pool.lost(this);
  }
}
