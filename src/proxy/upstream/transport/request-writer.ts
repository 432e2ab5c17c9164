import type { GatewayError } from "../../../model/gateway-error.ts";
import { UNTIL_CLOSE } from "../../http1/body-framing.ts";
import type { Ticker } from "../../ticker.ts";
import { type BodyOwner, OutgoingBody } from "../../wire/outgoing-body.ts";
import { SocketOut } from "../../wire/socket-out.ts";
import type { Attempt } from "./transport.ts";
import { WireRequestHead } from "./wire-request-head.ts";

// How a body went is told to its sink's owner already.
const ignore = (): void => undefined;

/** The connection whose requests these are. */
export interface RequestOwner {
  /** The last octet of a body was handed to the socket, or waits there. */
  requestSent(): void;
  /** A body cannot be completed: the connection carries nothing else. */
  requestCut(why: GatewayError): void;
}

/** Writes the requests of one upstream connection, one after the other: a head and a small body leave in one write. */
export class RequestWriter implements BodyOwner {
  readonly out: SocketOut;
  /** All of the request was handed on. */
  sent = false;
  /** On the coarse clock: since when the upstream is expected to reply. */
  sentAt = 0;
  readonly #owner: RequestOwner;
  readonly #ticker: Ticker;

  constructor(owner: RequestOwner, ticker: Ticker) {
    this.#owner = owner;
    this.#ticker = ticker;
    this.out = new SocketOut(null, () => ticker.now);
  }

  /** @returns false when the head cannot be written. */
  write(attempt: Attempt): boolean {
    const { body } = attempt;
    this.sent = body === null;
    this.sentAt = this.#ticker.now;
    const head = new WireRequestHead(attempt);
    if (!this.out.head(head)) return false;
    if (body !== null) {
      const outgoing = new OutgoingBody(this.out, head.framing, this);
      outgoing.corked = true;
      body.pipeTo(outgoing, ignore);
      outgoing.corked = false;
    }
    this.out.flush();
    return true;
  }

  /** After 101: what goes to the upstream from now on. */
  openTunnel(): OutgoingBody {
    this.sent = false;
    return new OutgoingBody(this.out, UNTIL_CLOSE, this);
  }

  bodySent(): void {
    this.sent = true;
    this.sentAt = this.#ticker.now;
    this.#owner.requestSent();
  }

  bodyCut(why: GatewayError): void {
    this.#owner.requestCut(why);
  }
}
