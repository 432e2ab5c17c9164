import { isIPv4 } from "node:net";

const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");

export interface Version2 {
  readonly command?: number;
  readonly family?: number;
  readonly transport?: number;
  readonly version?: number;
  readonly addresses?: Buffer;
  readonly tlvs?: Buffer;
  /** Where it lies about its length. */
  readonly length?: number;
}

/** A version 2 header, sound unless a part says otherwise. */
export function version2(parts: Version2): Buffer {
  const {
    command = 1,
    family = 1,
    transport = 1,
    version = 2,
    addresses = Buffer.alloc(0),
    tlvs = Buffer.alloc(0),
  } = parts;
  const head = Buffer.alloc(4);
  head[0] = (version << 4) | command;
  head[1] = (family << 4) | transport;
  head.writeUInt16BE(parts.length ?? addresses.length + tlvs.length, 2);
  return Buffer.concat([SIGNATURE, head, addresses, tlvs]);
}

/** Source and destination of one family, both ports. The destination is the source again. */
export function addressBlock(address: string, port: number): Buffer {
  const bytes = isIPv4(address) ? Buffer.from(address.split(".").map(Number)) : ipv6Bytes(address);
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(port, 0);
  ports.writeUInt16BE(443, 2);
  return Buffer.concat([bytes, bytes, ports]);
}

export function version1(address: string, port: number): Buffer {
  return Buffer.from(`PROXY ${isIPv4(address) ? "TCP4" : "TCP6"} ${address} ${address} ${port} 443\r\n`);
}

/** Only spellings without `::`. */
function ipv6Bytes(address: string): Buffer {
  const bytes = Buffer.alloc(16);
  for (const [i, group] of address.split(":").entries()) bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * i);
  return bytes;
}
