import { BlockList, isIP } from "node:net";

/** A set of addresses and CIDR blocks, both families; IPv4-mapped IPv6 addresses count as IPv4. */
export class AddressSet {
  readonly #list = new BlockList();
  readonly #size: number;

  /** @param blocks validated by the configuration: addresses or CIDR. */
  constructor(blocks: readonly string[]) {
    for (const block of blocks) {
      const [address = "", prefix] = block.split("/");
      const family = isIP(address) === 6 ? "ipv6" : "ipv4";
      if (prefix === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(prefix), family);
    }
    this.#size = blocks.length;
  }

  has(address: string): boolean {
    if (this.#size === 0) return false;
    const plain = plainAddress(address);
    const version = isIP(plain);
    return version !== 0 && this.#list.check(plain, version === 6 ? "ipv6" : "ipv4");
  }
}

/** `::ffff:10.0.0.1` in any spelling → `10.0.0.1`; brackets and zone dropped; everything else as it is. */
export function plainAddress(address: string): string {
  if (!address.includes(":")) return address;
  let plain = address.startsWith("[") ? address.slice(1, address.indexOf("]")) : address;
  const zone = plain.indexOf("%");
  if (zone >= 0) plain = plain.slice(0, zone);
  if (isIP(plain) !== 6) return plain;
  // The runtime's URL refuses a few spellings that isIP takes (`::0:0:0:0:0.0.0.0`), and clients write what they like.
  const canonical = URL.parse(`http://[${plain}]/`)?.hostname.slice(1, -1);
  if (canonical === undefined) return plain;
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (mapped === null) return plain;
  const high = Number.parseInt(mapped[1]!, 16);
  const low = Number.parseInt(mapped[2]!, 16);
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/**
 * The client's address as trusted proxies tell it: the last entry of X-Forwarded-For that is not a trusted proxy itself, read
 * from the right because everything left of it is the client's own word.
 */
export function clientAddress(peer: string, forwardedFor: readonly string[], trusted: AddressSet): string {
  if (!trusted.has(peer)) return peer;
  const hops = forwardedFor.join(",").split(",");
  let client = peer;
  for (let i = hops.length - 1; i >= 0; i--) {
    const hop = withoutPort(hops[i]!.trim());
    if (isIP(hop) === 0) return client;
    client = hop;
    if (!trusted.has(hop)) return client;
  }
  return client;
}

function withoutPort(hop: string): string {
  if (hop.startsWith("[")) return hop.slice(1, Math.max(1, hop.indexOf("]")));
  const colon = hop.indexOf(":");
  return colon >= 0 && colon === hop.lastIndexOf(":") ? hop.slice(0, colon) : hop;
}
