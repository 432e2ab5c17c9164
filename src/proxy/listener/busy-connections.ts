import type { Peer } from "../../model/exchange.ts";
import type { GatewayError } from "../../model/gateway-error.ts";
import type { LimitsSpec } from "../../model/snapshot-spec.ts";
import { AddressCounts } from "./address-counts.ts";

interface BusyConnection {
  /** Requests under way. */
  running: number;
  /** As it was when the first of them came. */
  readonly peer: Peer;
}

/**
 * The connections of each client on an edge that is told of requests only: one counts while a request of it is under way. Costs
 * nothing where `limits.maxConnectionsPerIp` is not set.
 */
export class BusyConnections {
  readonly #limits: () => LimitsSpec;
  readonly #addresses: AddressCounts;
  readonly #busy = new Map<string, BusyConnection>();

  constructor(limits: () => LimitsSpec) {
    this.#limits = limits;
    this.#addresses = new AddressCounts(() => limits().maxConnectionsPerIp);
  }

  /** @returns why the request is refused: then it does not count, and `leave` is not called. */
  enter(peer: Peer): GatewayError | null {
    if (this.#limits().maxConnectionsPerIp === null) return null;
    const { address, port, trusted } = peer;
    const name = `${address} ${port}`;
    const known = this.#busy.get(name);
    if (known !== undefined) {
      known.running++;
      return null;
    }
    const refused = this.#addresses.enter(peer);
    if (refused === null) this.#busy.set(name, { running: 1, peer: { address, port, trusted } });
    else this.#addresses.leave(peer);
    return refused;
  }

  leave(peer: Peer): void {
    if (this.#busy.size === 0) return;
    const name = `${peer.address} ${peer.port}`;
    const known = this.#busy.get(name);
    // Unknown: the request came before there was a limit.
    if (known === undefined || --known.running > 0) return;
    this.#busy.delete(name);
    this.#addresses.leave(known.peer);
  }
}
