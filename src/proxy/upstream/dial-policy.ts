import { AddressSet, plainAddress } from "../client-address.ts";
import { ipv6Groups } from "./ipv6-groups.ts";

/**
 * Where no name may lead, whoever wrote it: link-local addresses, the clouds' metadata services among them, those that are
 * elsewhere (AWS and Google over IPv6, Azure, Alibaba, Oracle), and "this host", another spelling of loopback.
 */
const NOWHERE = new AddressSet([
  "169.254.0.0/16",
  "fe80::/10",
  "fd00:ec2::/32",
  "fd20:ce::254",
  "168.63.129.16",
  "100.100.100.200",
  "192.0.0.192",
  "0.0.0.0/8",
  "::",
]);

/** Which addresses may be dialled, judged on the address itself and on the IPv4 address that a gateway would make of it. */
export class DialPolicy {
  readonly #blocked: AddressSet;

  /** @param blockedIPs `security.blockedIPs` */
  constructor(blockedIPs: readonly string[]) {
    this.#blocked = new AddressSet(blockedIPs);
  }

  /** For an address that the operator wrote as such: only what they forbade themselves is refused. */
  permitsWritten(address: string): boolean {
    return !isAmong(this.#blocked, address);
  }

  /** For what a name led to, and for what discovery, registration or a plugin gave. */
  permits(address: string): boolean {
    return !isAmong(NOWHERE, address) && this.permitsWritten(address);
  }
}

function isAmong(set: AddressSet, address: string): boolean {
  return set.has(address) || carriedIpv4(plainAddress(address)).some((inner) => set.has(inner));
}

/**
 * The IPv4 addresses inside an IPv6 one that a translator or tunnel may take out of it: NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056),
 * Teredo (RFC 4380), ISATAP (RFC 5214), IPv4-translated (RFC 2765) and IPv4-compatible (RFC 4291 §2.5.5.1). Mapped ones are IPv4
 * already: `plainAddress`. A translator with a prefix of its own is known to the operator alone.
 */
function carriedIpv4(address: string): string[] {
  const groups = ipv6Groups(address);
  if (groups === null) return [];
  const [a, b, c, d, e, f, g, h] = groups as [number, number, number, number, number, number, number, number];
  if (a === 0x2002) return [dotted(b, c)];
  if (a === 0x2001 && b === 0) return [dotted(c, d), dotted(~g & 0xffff, ~h & 0xffff)];
  if (a === 0x64 && b === 0xff9b) return c === 1 ? [dotted(g, h), ...localNat64(d, e, f, g)] : [dotted(g, h)];
  if ((e & 0xfdff) === 0 && f === 0x5efe) return [dotted(g, h)];
  if (a + b + c + d > 0 || g === 0) return [];
  const isTranslated = e === 0xffff && f === 0;
  const isCompatible = e === 0 && f === 0;
  return isTranslated || isCompatible ? [dotted(g, h)] : [];
}

/** `64:ff9b:1::/48` is for prefixes of 48 to 96 bits, and the address jumps over the bits 64 to 71 (RFC 6052 §2.2). */
function localNat64(d: number, e: number, f: number, g: number): string[] {
  const behind48 = dotted(d, ((e & 255) << 8) | (f >> 8));
  const behind56 = dotted(((d & 255) << 8) | (e & 255), f);
  const behind64 = dotted(((e & 255) << 8) | (f >> 8), ((f & 255) << 8) | (g >> 8));
  return [behind48, behind56, behind64];
}

function dotted(high: number, low: number): string {
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
