import { isIPv4, isIPv6 } from "node:net";

/**
 * The PROXY protocol, versions 1 and 2: a header before the first octet of a connection, in which a load balancer says whose
 * connection it is (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt).
 *
 * A listener that expects it believes whoever can reach it, because its configuration says so; a connection without the header is
 * refused, since guessing would let a client write its own (§2). The address in the header takes the place of the socket's in everything that
 * follows, `trustedProxies` included: a load balancer that speaks for a stranger does not make the stranger's X-Forwarded-For true.
 */

/** A whole header. */
export interface ProxyHeader {
  /** The client; null: the connection is the sender's own (LOCAL, UNKNOWN) or not of a family that has a client address here. */
  readonly source: { readonly address: string; readonly port: number } | null;
  /** Octets the header takes; what follows is the client's. */
  readonly consumed: number;
}

/** `more`: a proper beginning; `invalid`: this will never be one. */
export type ProxyParse = ProxyHeader | "more" | "invalid";

/** §2.2: twelve octets that no other protocol begins with. */
const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const V2_FIXED = 16;
/** §2.2 lets the length reach 64 KiB; real ones (addresses and TLVs, certificates included) stay well under this. */
const V2_MAX_LENGTH = 4096;
const V1_PREFIX = Buffer.from("PROXY ", "latin1");
/** §2.1, CRLF included. */
const V1_MAX = 107;

/** Reads the header at the start of `bytes`. Pure: called again with more of the same connection it gives the same answer. */
export function parseProxyHeader(bytes: Buffer): ProxyParse {
  if (bytes.byteLength === 0) return "more";
  return bytes[0] === SIGNATURE[0] ? parseVersion2(bytes) : parseVersion1(bytes);
}

function startsLike(bytes: Buffer, expected: Buffer): boolean {
  const size = Math.min(bytes.byteLength, expected.byteLength);
  return bytes.compare(expected, 0, size, 0, size) === 0;
}

// ---- version 1: a line of text (§2.1) ----

function parseVersion1(bytes: Buffer): ProxyParse {
  if (!startsLike(bytes, V1_PREFIX)) return "invalid";
  const end = bytes.subarray(0, V1_MAX).indexOf("\r\n", 0, "latin1");
  if (end < 0) return bytes.byteLength < V1_MAX ? "more" : "invalid";
  const words = bytes.latin1Slice(V1_PREFIX.byteLength, end).split(" ");
  const consumed = end + 2;
  // "the receiver must ignore anything presented before the CRLF is found"
  if (words[0] === "UNKNOWN") return { source: null, consumed };
  if (words.length !== 5) return "invalid";
  const [family, address, destination, port, destinationPort] = words as [string, string, string, string, string];
  const isAddress = family === "TCP4" ? isIPv4 : family === "TCP6" ? isIPv6 : null;
  if (isAddress === null || !isAddress(address) || !isAddress(destination)) return "invalid";
  if (!isPort(port) || !isPort(destinationPort)) return "invalid";
  return { source: { address, port: Number(port) }, consumed };
}

/** Decimal without leading zeroes. */
function isPort(text: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

// ---- version 2: binary (§2.2) ----

const COMMANDS = { LOCAL: 0x0, PROXY: 0x1 } as const;
const FAMILIES = { UNSPEC: 0x0, INET: 0x1, INET6: 0x2, UNIX: 0x3 } as const;
const STREAM = 0x1;
const DATAGRAM = 0x2;
/** Octets of both addresses and both ports. */
const ADDRESS_BYTES = [0, 12, 36, 216] as const;

function parseVersion2(bytes: Buffer): ProxyParse {
  if (!startsLike(bytes, SIGNATURE)) return "invalid";
  if (bytes.byteLength > 12 && bytes[12]! >> 4 !== 2) return "invalid";
  if (bytes.byteLength < V2_FIXED) return "more";
  const command = bytes[12]! & 0xf;
  const family = bytes[13]! >> 4;
  const transport = bytes[13]! & 0xf;
  const length = bytes.readUInt16BE(14);
  // "receivers must drop connections presenting unexpected values"
  if (command > COMMANDS.PROXY || family > FAMILIES.UNIX || transport > DATAGRAM) return "invalid";
  if (length > V2_MAX_LENGTH) return "invalid";
  const proxied = command === COMMANDS.PROXY && transport !== 0;
  if (proxied && length < ADDRESS_BYTES[family]!) return "invalid";
  const consumed = V2_FIXED + length;
  if (bytes.byteLength < consumed) return "more";
  // What is behind the addresses are TLVs, of no use here.
  return { source: proxied && transport === STREAM ? version2Source(bytes, family) : null, consumed };
}

function version2Source(bytes: Buffer, family: number): ProxyHeader["source"] {
  if (family === FAMILIES.INET)
    return { address: bytes.subarray(16, 20).join("."), port: bytes.readUInt16BE(V2_FIXED + 8) };
  if (family === FAMILIES.INET6) return { address: ipv6Text(bytes, 16), port: bytes.readUInt16BE(V2_FIXED + 32) };
  return null;
}

function ipv6Text(bytes: Buffer, at: number): string {
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(bytes.readUInt16BE(at + i).toString(16));
  // The canonical spelling (RFC 5952), so that one client has one name.
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
}
