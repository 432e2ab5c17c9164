import { GatewayError } from "../../model/gateway-error.ts";
import type { ProxyEvent } from "../../model/ports.ts";
import type { Ticker } from "../ticker.ts";

const QUIET_MS = 1000;

/** Makes refusals, and tells of the first one a second of each place: an overload must not become an overload of events. */
export class AdmissionReport {
  readonly #ticker: Ticker;
  readonly #event: (event: ProxyEvent) => void;
  /** By place: the process, a route, an upstream. Few, and no client can make more. */
  readonly #toldAt = new Map<string, number>();

  constructor(ticker: Ticker, event: (event: ProxyEvent) => void) {
    this.#ticker = ticker;
    this.#event = event;
  }

  refusal(where: string, reason: string): GatewayError {
    const { now } = this.#ticker;
    const toldAt = this.#toldAt.get(where);
    if (toldAt === undefined || now - toldAt >= QUIET_MS) {
      this.#toldAt.set(where, now);
      this.#event({ type: "overloaded", where, reason });
    }
    return new GatewayError("overloaded", `${where}: ${reason}`);
  }

  /** Places may have gone with a version. */
  forget(): void {
    this.#toldAt.clear();
  }
}
