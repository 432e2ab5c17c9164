import { GatewayError } from "../../../model/gateway-error.ts";
import type { Ticked } from "../../ticker.ts";
import type { ByteSocket, SocketEvents } from "../../wire/byte-socket.ts";
import { type RequestOwner, RequestWriter } from "./request-writer.ts";
import { UpstreamLink } from "./upstream-link.ts";
import { type ReplyHost, UpstreamReply } from "./upstream-reply.ts";
import { enforceClientTimeouts } from "./wire-client-timeouts.ts";
import type { WireDispatch } from "./wire-dispatch.ts";
import type { WirePool } from "./wire-pool.ts";

const MAX_AGE_MS = 60 * 60_000;

/**
 * One upstream connection: carries one attempt after the other, for as long as both sides behave. What is not provably in order
 * (octets nobody asked for, a request that did not go out whole) ends it.
 */
export class WireClient implements SocketEvents, RequestOwner, ReplyHost, Ticked {
  tickSlot = -1;
  readonly link = new UpstreamLink();
  readonly request: RequestWriter;
  readonly reply: UpstreamReply;
  closed = false;
  /** The attempt it carries, or connects for. */
  dispatch: WireDispatch | null = null;
  /** Since it began to connect, then since it is idle. */
  idleSince: number;
  readonly #pool: WirePool;
  readonly #bornAt: number;
  /** The reply is complete, its request is not: until it is out, the connection carries nothing else. */
  #requestOwed = false;
  /** Attempts it has carried to their end. */
  #carried = 0;

  constructor(pool: WirePool) {
    this.#pool = pool;
    this.idleSince = this.#bornAt = pool.ticker.now;
    this.request = new RequestWriter(this, pool.ticker);
    this.reply = new UpstreamReply(this, pool.ticker);
    pool.ticker.add(this);
  }

  // ---- connecting ----

  connect(dispatch: WireDispatch): void {
    this.dispatch = dispatch;
    dispatch.client = this;
    const { spec, ticker } = this.#pool;
    this.link.dial({ attempt: dispatch.attempt, tls: spec.tls, ticker }, this);
  }

  onConnected(socket: ByteSocket): void {
    this.link.dialled(socket);
    this.request.out.attach(socket);
    const { dispatch } = this;
    // Whoever wanted the connection may be gone; somebody else will want it.
    if (dispatch === null) return this.#rest();
    this.start(dispatch);
  }

  onConnectFailed(error: GatewayError): void {
    this.link.dialled(null);
    this.lose(error);
  }

  // ---- requests ----

  start(dispatch: WireDispatch): void {
    this.dispatch = dispatch;
    dispatch.client = this;
    this.reply.expect(dispatch);
    if (this.request.write(dispatch.attempt)) return;
    this.lose(new GatewayError("internal", "a request's head cannot be written"));
  }

  requestSent(): void {
    if (this.reply.tunnel !== null) this.tunnelHalfOver();
    // The reply was faster than the request; now both are over.
    else if (this.#requestOwed) this.replied(true, null);
  }

  requestCut(why: GatewayError): void {
    if (this.reply.tunnel !== null) this.drop(why);
    else this.lose(why);
  }

  /** The attempt is not wanted any more. */
  cancel(dispatch: WireDispatch, why: GatewayError): void {
    if (this.dispatch !== dispatch) return dispatch.fail(why);
    if (this.reply.body !== null) return this.reply.body.cancel(why);
    if (this.link.up) return this.lose(why);
    // Still connecting: the connection may serve the next one.
    this.dispatch = null;
    dispatch.fail(why);
  }

  // ---- what the socket and the clock say ----

  onData(bytes: Buffer): void {
    this.reply.feed(bytes);
  }

  onDrain(): void {
    this.request.out.drained();
  }

  onEnd(): void {
    this.reply.finished();
  }

  onClose(error?: Error): void {
    this.lose(new GatewayError("upstream_reset", error === undefined ? "the connection closed" : error.message));
  }

  onTick(now: number): void {
    enforceClientTimeouts(this, now);
  }

  // ---- the end ----

  replied(persistent: boolean, rest: Buffer | null): void {
    const { dispatch, request } = this;
    if (rest !== null || !persistent || dispatch === null) {
      const why = new GatewayError("client_closed", "the upstream replied without reading on");
      if (!request.sent) dispatch?.attempt.body?.cancel(why);
      return this.drop(null);
    }
    this.#requestOwed = !request.sent;
    if (this.#requestOwed) return;
    dispatch.client = null;
    this.dispatch = null;
    this.#carried++;
    this.#rest();
  }

  #rest(): void {
    this.idleSince = this.#pool.ticker.now;
    if (this.idleSince - this.#bornAt > MAX_AGE_MS) this.close();
    else this.#pool.release(this);
  }

  /** One direction of the tunnel has ended: what waits goes out before FIN does. */
  tunnelHalfOver(): void {
    if (this.closed || !this.request.sent) return;
    const { out } = this.request;
    if (out.blocked) out.onDrain = () => this.tunnelHalfOver();
    else if (this.reply.body === null) this.drop(null);
    else this.link.shutdown();
  }

  /** Ends an idle connection. */
  close(): void {
    this.drop(null);
  }

  /** The attempt under way cannot be completed: whoever waits for it must learn so. */
  lose(why: GatewayError): void {
    if (this.closed) return;
    const { dispatch } = this;
    const unheard = this.#carried > 0 && !this.reply.heard && why.kind === "upstream_reset";
    const body = this.reply.release();
    this.drop(null);
    if (body !== null) return body.closed(why);
    if (unheard && dispatch?.mayResend === true) return this.#pool.resubmit(dispatch);
    dispatch?.fail(why);
  }

  drop(why: GatewayError | null): void {
    if (this.closed) return;
    this.closed = true;
    this.dispatch = null;
    this.#pool.ticker.remove(this);
    this.request.out.attach(null);
    this.link.drop(why);
    const cut = why ?? new GatewayError("upstream_reset", "the connection closed");
    this.reply.release()?.closed(cut);
    this.reply.tunnel?.onClosed?.(cut);
    this.#pool.lost(this);
  }
}
