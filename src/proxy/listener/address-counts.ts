import type { Peer } from "../../model/exchange.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import { addressKey } from "../limits/address-key.ts";

/**
 * How many connections each client holds; who holds none is forgotten. A client is an IPv4 address or an IPv6 network of 64 bits, and
 * a trusted proxy is none: its connections are other people's.
 */
export class AddressCounts {
  readonly #limit: () => number | null;
  readonly #counts = new Map<string, number>();

  /** @param limit `limits.maxConnectionsPerIp` as it is now */
  constructor(limit: () => number | null) {
    this.#limit = limit;
  }

  /** Counts one more, and says whether that is one too many. `leave` takes it back in any case. */
  enter(peer: Peer): GatewayError | null {
    if (peer.trusted) return null;
    const key = addressKey(peer.address);
    const held = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, held);
    const limit = this.#limit();
    if (limit === null || held <= limit) return null;
    return new GatewayError("overloaded", `limits.maxConnectionsPerIp: ${peer.address}`);
  }

  leave(peer: Peer): void {
    if (peer.trusted) return;
    const key = addressKey(peer.address);
    const held = (this.#counts.get(key) ?? 0) - 1;
    if (held > 0) this.#counts.set(key, held);
    else this.#counts.delete(key);
  }
}
