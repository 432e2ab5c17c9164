import { isIPv6 } from "node:net";

/** The eight numbers of an IPv6 address in any spelling, zone and brackets left out; null for anything else. */
export function ipv6Groups(address: string): readonly number[] | null {
  if (!isIPv6(address)) return null;
  const [head = "", tail] = address.split("::");
  const front = groupsOf(head);
  if (tail === undefined) return front;
  const back = groupsOf(tail);
  return [...front, ...Array.from({ length: 8 - front.length - back.length }, () => 0), ...back];
}

function groupsOf(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((part) => {
    if (!part.includes(".")) return [Number.parseInt(part, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = part.split(".").map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}
