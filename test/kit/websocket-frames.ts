import type { ByteStream } from "./byte-stream.ts";

export const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** One unfragmented frame (RFC 6455 §5.2); clients must mask, servers must not. */
export function frameBytes(opcode: number, data: string | Buffer, sender: "client" | "server"): Buffer {
  const payload = typeof data === "string" ? Buffer.from(data) : data;
  const head = lengthBytes(0x80 | opcode, payload.length);
  if (sender === "server") return Buffer.concat([head, payload]);
  head[1]! |= 0x80;
  const key = Buffer.from([0x12, 0x34, 0x56, 0x78]);
  return Buffer.concat([head, key, masked(payload, key)]);
}

function lengthBytes(first: number, length: number): Buffer {
  if (length < 126) return Buffer.from([first, length]);
  if (length < 65_536) return Buffer.from([first, 126, length >> 8, length & 0xff]);
  const head = Buffer.alloc(10);
  head.writeUInt8(first, 0);
  head.writeUInt8(127, 1);
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

/** The next message; fragments are put together, control frames are given as they come. */
export async function readFrame(stream: ByteStream): Promise<Frame> {
  const parts: Buffer[] = [];
  for (let opcode = 0; ;) {
    const [first, second] = (await stream.readExactly(2)) as unknown as [number, number];
    const payload = await readPayload(stream, second);
    if ((first & 0x70) !== 0) throw new Error("reserved bits are set: an extension nobody agreed on");
    if ((first & 0x0f) >= 8) return { opcode: first & 0x0f, payload };
    opcode ||= first & 0x0f;
    parts.push(payload);
    if ((first & 0x80) !== 0) return { opcode, payload: Buffer.concat(parts) };
  }
}

async function readPayload(stream: ByteStream, second: number): Promise<Buffer> {
  let length = second & 0x7f;
  if (length === 126) length = (await stream.readExactly(2)).readUInt16BE();
  else if (length === 127) length = Number((await stream.readExactly(8)).readBigUInt64BE());
  const key = (second & 0x80) !== 0 ? Buffer.from(await stream.readExactly(4)) : null;
  const payload = Buffer.from(await stream.readExactly(length));
  return key === null ? payload : masked(payload, key);
}

function masked(payload: Buffer, key: Buffer): Buffer {
  const out = Buffer.alloc(payload.length);
  for (let i = 0; i < payload.length; i++) out[i] = payload[i]! ^ key[i & 3]!;
  return out;
}

/** A close frame's payload: its code and reason (RFC 6455 §5.5.1). */
export function closePayload(code: number, reason: string): Buffer {
  return Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);
}
