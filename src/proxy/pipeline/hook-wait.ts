import type { Cancel } from "../../model/reply.ts";
import type { Exchange } from "../../model/exchange.ts";
import type { GatewayError } from "../../model/gateway-error.ts";
import type { Ticked } from "../ticker.ts";
import type { HookEnvironment } from "./hook-environment.ts";
import type { Deadline } from "./request-body.ts";

/**
 * Waits for one promise of a hook at a time: until it settles, its time is up, or the client goes away. While it waits it stands
 * in front of whoever the exchange was to cancel.
 */
export class HookWait implements Ticked, Cancel, Deadline {
  tickSlot = -1;
  readonly #environment: HookEnvironment;
  readonly #exchange: Exchange;
  /** Hears of a client that goes away while nothing waits, too. */
  readonly #cancelled: (why: GatewayError) => void;
  #behind: Cancel | null = null;
  #reject: ((why: unknown) => void) | null = null;
  #deadline = Number.POSITIVE_INFINITY;
  #timeoutMs = 0;
  #leftMs = 0;
  #pauses = 0;

  constructor(environment: HookEnvironment, exchange: Exchange, cancelled: (why: GatewayError) => void) {
    this.#environment = environment;
    this.#exchange = exchange;
    this.#cancelled = cancelled;
  }

  for(promise: Promise<unknown>, timeoutMs: number): Promise<unknown> {
    const exchange = this.#exchange;
    this.#behind = exchange.running;
    exchange.running = this;
    this.#timeoutMs = timeoutMs;
    this.#leftMs = timeoutMs;
    // A hook may have begun to read the body before it returned its promise.
    this.#deadline = this.#pauses > 0 ? Number.POSITIVE_INFINITY : this.#environment.clock.now() + timeoutMs;
    this.#environment.ticker.add(this);
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      promise.then(
        (value) => {
          if (this.#reject === reject) this.#end();
          resolve(value);
        },
        (cause: unknown) => {
          if (this.#reject === reject) this.#end();
          reject(cause);
        },
      );
    });
  }

  onTick(now: number): void {
    if (now < this.#deadline) return;
    this.#stop(new Error(`took longer than ${this.#timeoutMs} ms`));
  }

  cancel(why: GatewayError): void {
    const behind = this.#behind;
    this.#stop(why);
    this.#cancelled(why);
    behind?.cancel(why);
  }

  pause(): void {
    if (this.#pauses++ > 0) return;
    if (this.#reject !== null) this.#leftMs = this.#deadline - this.#environment.clock.now();
    this.#deadline = Number.POSITIVE_INFINITY;
  }

  resume(): void {
    if (--this.#pauses > 0 || this.#reject === null) return;
    this.#deadline = this.#environment.clock.now() + this.#leftMs;
  }

  #stop(why: unknown): void {
    const reject = this.#reject;
    this.#end();
    reject?.(why);
  }

  #end(): void {
    this.#reject = null;
    this.#environment.ticker.remove(this);
    if (this.#exchange.running === this) this.#exchange.running = this.#behind;
    this.#behind = null;
  }
}
