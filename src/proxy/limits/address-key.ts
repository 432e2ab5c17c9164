const COLON = 58;
const groups = new Uint16Array(8);

/**
 * Who an address is for a limit: an IPv4 address, or an IPv6 network of 64 bits (one subscriber has at least that, and may change
 * the rest with every request). IPv4 inside IPv6, mapped or translated (RFC 6052), is IPv4. One spelling for each.
 * @param address as a socket or `isIP` takes it; what is none stays as it is
 */
export function addressKey(address: string): string {
  if (!address.includes(":")) return address;
  // How a dual-stack socket says it.
  if (address.startsWith("::ffff:") && address.includes(".")) return address.slice(7);
  if (!readGroups(address)) return address;
  if (isIPv4Inside()) return `${groups[6]! >> 8}.${groups[6]! & 255}.${groups[7]! >> 8}.${groups[7]! & 255}`;
  return `${hex(0)}:${hex(1)}:${hex(2)}:${hex(3)}::/64`;
}

function hex(group: number): string {
  return groups[group]!.toString(16);
}

/** `::ffff:0:0/96`, `64:ff9b::/96` */
function isIPv4Inside(): boolean {
  if (groups[2] !== 0 || groups[3] !== 0 || groups[4] !== 0) return false;
  if (groups[0] === 0 && groups[1] === 0) return groups[5] === 0xffff;
  return groups[0] === 0x64 && groups[1] === 0xff9b && groups[5] === 0;
}

/** @returns false when it is no address */
function readGroups(address: string): boolean {
  const text = address.includes(".") ? withoutDots(address) : address;
  let count = 0;
  let gap = -1;
  let digits = 0;
  let value = 0;
  groups.fill(0);
  for (let i = 0; i <= text.length; i++) {
    const code = i === text.length ? 37 : text.charCodeAt(i);
    const digit = digitOf(code);
    if (digit >= 0) {
      value = value * 16 + digit;
      if (++digits > 4) return false;
      continue;
    }
    if (digits > 0) {
      if (count === 8) return false;
      groups[count++] = value;
    } else if (code === COLON && i > 0) gap = count;
    value = digits = 0;
    // A zone (`%eth0`) ends it as the end does.
    if (code === 37) break;
    if (code !== COLON) return false;
  }
  if (gap < 0) return count === 8;
  groups.copyWithin(8 - (count - gap), gap, count);
  groups.fill(0, gap, 8 - (count - gap));
  return true;
}

function digitOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const letter = code | 0x20;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

/** `64:ff9b::1.2.3.4` → `64:ff9b::102:304` */
function withoutDots(address: string): string {
  const at = address.lastIndexOf(":") + 1;
  const [a = 0, b = 0, c = 0, d = 0] = address.slice(at).split(".").map(Number.parseFloat);
  return `${address.slice(0, at)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
