import type { GatewayError } from "../../../model/gateway-error.ts";
import { GatewayError as Failure } from "../../../model/gateway-error.ts";
import type { Cancel, Responder } from "../../../model/reply.ts";
import type { Ticked } from "../../ticker.ts";
import type { Attempt } from "./transport.ts";
import type { WireClient } from "./wire-client.ts";

/** RFC 9110 §9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** An attempt on its way to a connection: waiting for one, or carried by one. */
export class WireDispatch implements Cancel, Ticked {
  tickSlot = -1;
  readonly attempt: Attempt;
  readonly on: Responder;
  /** The connection that carries it; null while it waits. */
  client: WireClient | null = null;
  /** The outcome was reported. */
  settled = false;
  /** It was sent again on a fresh connection after a pooled one turned out to be dead. */
  resent = false;
  readonly #waitsUntil: number;

  constructor(attempt: Attempt, on: Responder, now: number) {
    this.attempt = attempt;
    this.on = on;
    this.#waitsUntil = now + attempt.timeouts.connectMs;
  }

  /** A pooled connection may die before it sees the request; then nothing was processed, if nothing of it matters twice. */
  get mayResend(): boolean {
    const { body, method } = this.attempt;
    return !this.resent && !this.settled && IDEMPOTENT.has(method) && (body === null || !body.used);
  }

  cancel(why: GatewayError): void {
    if (this.client !== null) this.client.cancel(this, why);
    else this.fail(why);
  }

  fail(why: GatewayError): void {
    if (this.settled) return;
    this.settled = true;
    this.on.failed(why);
  }

  /** While it waits for a connection. */
  onTick(now: number): void {
    if (now >= this.#waitsUntil) this.fail(new Failure("overloaded", "no connection became free in time"));
  }
}
