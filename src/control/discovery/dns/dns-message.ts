/** The record types that are asked for here (RFC 1035, RFC 3596, RFC 2782). */
export const TYPES = { A: 1, CNAME: 5, AAAA: 28, SRV: 33 } as const;

export type QueryType = "A" | "AAAA" | "SRV";

export interface Question {
  readonly id: number;
  /** Lower case, without a final dot. */
  readonly name: string;
  readonly type: QueryType;
}

export interface DnsRecord {
  readonly name: string;
  readonly type: number;
  readonly ttl: number;
  /** Where its data stands in the message. */
  readonly start: number;
  readonly end: number;
}

export interface DnsReply {
  readonly bytes: Buffer;
  /** 0: no error; 3: no such name. */
  readonly rcode: number;
  /** There is more than fits a datagram: ask by TCP. */
  readonly isTruncated: boolean;
  readonly answers: readonly DnsRecord[];
}

const HEAD_BYTES = 12;
const CLASS_IN = 1;
/** More records than any sane answer has; a TCP message could hold 5,000. */
const MAX_RECORDS = 512;

/** A query with recursion desired. `name` is a host name: labels of 1 to 63 bytes, 253 together. */
export function encodeQuery({ id, name, type }: Question): Buffer {
  const labels = name.split(".").map((label) => Buffer.from(label, "latin1"));
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt16BE(id, 0);
  head.writeUInt16BE(0x0100, 2);
  head.writeUInt16BE(1, 4);
  const tail = Buffer.alloc(5);
  tail.writeUInt16BE(TYPES[type], 1);
  tail.writeUInt16BE(CLASS_IN, 3);
  return Buffer.concat([head, ...labels.flatMap((label) => [Buffer.from([label.length]), label]), tail]);
}

/**
 * The reply to this question; null for anything else: a stray, a forgery, or bytes that are no message. Everything is read within
 * bounds, and compression pointers only lead backwards, so that no message makes us read forever.
 */
export function decodeReply(bytes: Buffer, question: Question): DnsReply | null {
  try {
    return decode(bytes, question);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function decode(bytes: Buffer, { id, name, type }: Question): DnsReply | null {
  const flags = bytes.readUInt16BE(2);
  const isReply = (flags & 0xf800) === 0x8000;
  if (bytes.readUInt16BE(0) !== id || !isReply || bytes.readUInt16BE(4) !== 1) return null;
  const asked = readName(bytes, HEAD_BYTES);
  if (asked.name !== name || bytes.readUInt16BE(asked.next) !== TYPES[type]) return null;
  if (bytes.readUInt16BE(asked.next + 2) !== CLASS_IN) return null;
  const isTruncated = (flags & 0x0200) !== 0;
  const rcode = flags & 0x000f;
  // What was cut off may end anywhere.
  const answers = isTruncated ? [] : readRecords(bytes, asked.next + 4);
  return { bytes, rcode, isTruncated, answers };
}

function readRecords(bytes: Buffer, from: number): DnsRecord[] {
  const count = Math.min(bytes.readUInt16BE(6), MAX_RECORDS);
  const records: DnsRecord[] = [];
  let at = from;
  for (let i = 0; i < count; i++) {
    const { name, next } = readName(bytes, at);
    const type = bytes.readUInt16BE(next);
    const ttl = bytes.readInt32BE(next + 4);
    const start = next + 10;
    const end = start + bytes.readUInt16BE(next + 8);
    if (end > bytes.length) throw new RangeError("a record goes beyond its message");
    // RFC 2181 §8: a TTL with the highest bit set is zero.
    if (bytes.readUInt16BE(next + 2) === CLASS_IN) records.push({ name, type, ttl: Math.max(0, ttl), start, end });
    at = end;
  }
  return records;
}

/** A name in lower case and where it ends. @throws RangeError */
export function readName(bytes: Buffer, from: number): { name: string; next: number } {
  const labels: string[] = [];
  let at = from;
  let next = -1;
  let length = 0;
  for (;;) {
    const size = bytes.readUInt8(at);
    if (size === 0) return { name: labels.join("."), next: next < 0 ? at + 1 : next };
    if (size >= 0xc0) {
      const target = bytes.readUInt16BE(at) & 0x3fff;
      if (next < 0) next = at + 2;
      if (target >= at) throw new RangeError("a pointer that does not lead backwards");
      at = target;
      // A chain of pointers gets shorter with each; one that repeats its labels ends at the longest name there may be.
      continue;
    }
    if (size > 63) throw new RangeError("a label of a kind that does not exist");
    length += size + 1;
    if (length > 254 || at + 1 + size > bytes.length) throw new RangeError("a name beyond its bounds");
    labels.push(readLabel(bytes, at + 1, size));
    at += size + 1;
  }
}

/** A dot inside a label would look like two: such a name is none of ours. */
function readLabel(bytes: Buffer, from: number, size: number): string {
  return bytes
    .latin1Slice(from, from + size)
    .toLowerCase()
    .replaceAll(".", "\\.");
}
