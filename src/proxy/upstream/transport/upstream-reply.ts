import { GatewayError } from "../../../model/gateway-error.ts";
import type { ByteTunnel } from "../../../model/reply.ts";
import { type Framing, NO_BODY, UNTIL_CLOSE } from "../../http1/body-framing.ts";
import type { ResponseHead } from "../../http1/response-head.ts";
import type { Ticker } from "../../ticker.ts";
import { type BodySource, IncomingBody } from "../../wire/incoming-body.ts";
import { MAX_HEAD_BYTES, type ReplyOwner, ReplyReader } from "./reply-reader.ts";
import type { RequestWriter } from "./request-writer.ts";
import type { UpstreamLink } from "./upstream-link.ts";
import type { WireDispatch } from "./wire-dispatch.ts";

const LIMITS = { maxTrailerBytes: MAX_HEAD_BYTES, fault: "upstream_bad_response" } as const;

/** The connection whose replies these are. */
export interface ReplyHost {
  readonly link: UpstreamLink;
  readonly request: RequestWriter;
  readonly closed: boolean;
  /** The reply is complete. `persistent`: its head lets the connection go on; `rest`: octets behind it that nobody asked for. */
  replied(persistent: boolean, rest: Buffer | null): void;
  tunnelHalfOver(): void;
  /** The attempt under way cannot be completed. */
  lose(why: GatewayError): void;
  /** Ends the connection; null: in good order. */
  drop(why: GatewayError | null): void;
}

/** Reads the replies of one upstream connection, one after the other, and reports them to whoever sent the attempt. */
export class UpstreamReply implements BodySource, ReplyOwner {
  /** The part of the reply, or of the tunnel, that is still to come. */
  body: IncomingBody | null = null;
  readAt = 0;
  /** Silence is in the nature of this reply. */
  mayIdle = false;
  /** Something of it has come. */
  heard = false;
  /** After 101: octets flow both ways until both sides are done. */
  tunnel: ByteTunnel | null = null;
  readonly #host: ReplyHost;
  readonly #ticker: Ticker;
  readonly #reader: ReplyReader;
  #dispatch: WireDispatch | null = null;
  #persistent = false;

  constructor(host: ReplyHost, ticker: Ticker) {
    this.#host = host;
    this.#ticker = ticker;
    this.#reader = new ReplyReader(this);
  }

  /** The reply to this one comes next; null: none is due. */
  expect(dispatch: WireDispatch | null): void {
    this.#dispatch = dispatch;
    this.heard = false;
    this.mayIdle = false;
    this.readAt = this.#ticker.now;
  }

  feed(bytes: Buffer): void {
    this.readAt = this.#ticker.now;
    if (this.body !== null) return this.body.feed(bytes);
    if (this.#dispatch === null) return this.#host.drop(null);
    this.heard = true;
    this.#reader.feed(bytes, this.#dispatch.attempt.method);
  }

  /** FIN: whatever is to come is cut, unless it ends just so. */
  finished(): void {
    const cut = new GatewayError("upstream_reset", "the upstream closed the connection before its reply was complete");
    if (this.body !== null) this.body.finished(cut);
    else if (this.tunnel === null) this.#host.lose(cut);
  }

  /** Gives the body up before the connection goes, so that its end is told once. */
  release(): IncomingBody | null {
    const body = this.body;
    this.body = null;
    this.#dispatch = null;
    return body;
  }

  // ---- heads ----

  interim(head: ResponseHead): boolean {
    const dispatch = this.#dispatch!;
    this.#host.request.sentAt = this.readAt;
    dispatch.on.informational(head.status, head.headers);
    return this.#dispatch === dispatch;
  }

  final(head: ResponseHead, bytes: Buffer, next: number): void {
    const dispatch = this.#dispatch!;
    dispatch.settled = true;
    this.#dispatch = null;
    this.#persistent = head.keepAlive;
    const { status, reason, headers, framing } = head;
    if (framing === NO_BODY || framing === 0) {
      dispatch.on.reply({ status, reason, headers, body: null });
      if (!this.#host.closed) this.#host.replied(head.keepAlive, next < bytes.byteLength ? bytes.subarray(next) : null);
      return;
    }
    const body = (this.body = this.#incoming(framing));
    this.mayIdle = head.eventStream;
    body.offer(bytes, next);
    dispatch.on.reply({ status, reason, headers, body });
    body.settle();
  }

  switching(head: ResponseHead, bytes: Buffer, next: number): void {
    const dispatch = this.#dispatch!;
    const { upgrade } = dispatch.attempt;
    if (upgrade === null || head.upgrade !== upgrade) return this.unreadable("an upgrade nobody asked for");
    dispatch.settled = true;
    this.mayIdle = true;
    const incoming = (this.body = this.#incoming(UNTIL_CLOSE));
    incoming.offer(bytes, next);
    const outgoing = this.#host.request.openTunnel();
    this.tunnel = { kind: "bytes", incoming, outgoing, onClosed: null, close: (why) => this.#host.drop(why) };
    const { status, reason, headers } = head;
    dispatch.on.tunnel({ status, reason, headers, body: null }, this.tunnel);
    incoming.settle();
  }

  unreadable(detail: string): void {
    this.#host.lose(new GatewayError("upstream_bad_response", detail));
  }

  #incoming(framing: Framing): IncomingBody {
    return new IncomingBody(framing, this, LIMITS);
  }

  // ---- bodies ----

  pauseBody(): void {
    this.#host.link.pause();
  }

  resumeBody(): void {
    // A client that read slowly is no reason to call the upstream quiet.
    this.readAt = this.#ticker.now;
    if (!this.#host.closed) this.#host.link.resume();
  }

  bodyEnded(error: GatewayError | null, rest: Buffer | null): void {
    this.body = null;
    if (error !== null) this.#host.drop(this.tunnel === null ? null : error);
    else if (this.tunnel === null) this.#host.replied(this.#persistent, rest);
    else this.#host.tunnelHalfOver();
  }

  bodyUnwanted(why: GatewayError): void {
    this.body = null;
    this.#host.drop(why);
  }
}
