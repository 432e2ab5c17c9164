import { networkInterfaces } from "node:os";
import { AddressSet, plainAddress } from "../client-address.ts";

const LOOPBACK = new AddressSet(["127.0.0.0/8", "::1"]);

/** Where something listens. */
export interface Bound {
  readonly host: string;
  readonly port: number;
}

/**
 * Whether an address and port lead to one of these listeners of ours. A listener on `0.0.0.0` or `::` is reached by every address
 * of the machine; one that is known by a name of the machine only (NAT, a published container port) cannot be told.
 * @param machine every address of this machine
 */
export function leadsToOurs(
  listeners: readonly Bound[],
  machine: () => readonly string[] = machineAddresses,
): (address: string, port: number) => boolean {
  return (address, port) => {
    const plain = canonical(address);
    const isHere = () => LOOPBACK.has(plain) || isWildcard(plain) || machine().some((own) => canonical(own) === plain);
    return listeners.some((listener) => {
      if (listener.port !== port) return false;
      const host = canonical(listener.host);
      if (isWildcard(host)) return isHere();
      if (host === "localhost") return LOOPBACK.has(plain) || isWildcard(plain);
      // Dialling 0.0.0.0 reaches loopback.
      return plain === host || (isWildcard(plain) && LOOPBACK.has(host));
    });
  };
}

function isWildcard(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}

/** IPv6 in its one spelling. */
function canonical(address: string): string {
  const plain = plainAddress(address).toLowerCase();
  return plain.includes(":") ? (URL.parse(`http://[${plain}]/`)?.hostname.slice(1, -1) ?? plain) : plain;
}

function machineAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
}
