import { plainAddress } from "../../../proxy/client-address.ts";
import { type DnsRecord, type DnsReply, type Question, readName, TYPES } from "./dns-message.ts";
import { isHostName } from "./dns-spec.ts";

/** One SRV record (RFC 2782). */
export interface SrvRecord {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  /** "" : decidedly nowhere. */
  readonly target: string;
}

/** What a name has, and for how long that holds; nothing: it does not exist or has nothing of that kind. */
export interface Found<T> {
  readonly records: readonly T[];
  readonly ttlMs: number;
}

/** How long "there is nothing" holds. */
export const ABSENT_TTL_MS = 5_000;
const MAX_ALIASES = 16;

/** The addresses in a reply. */
export function addressesIn(reply: DnsReply, question: Question): Found<string> | Alias {
  const bytes = question.type === "A" ? 4 : 16;
  return collect(reply, question, ({ start, end }) => {
    return end - start === bytes ? addressOf(reply.bytes.subarray(start, end)) : null;
  });
}

/** The services in a reply; those at targets that are no host names are left out. */
export function servicesIn(reply: DnsReply, question: Question): Found<SrvRecord> | Alias {
  const { bytes } = reply;
  return collect(reply, question, ({ start, end }) => {
    const target = end - start < 7 ? null : targetAt(bytes, start + 6);
    if (target === null) return null;
    const [priority, weight, port] = [
      bytes.readUInt16BE(start),
      bytes.readUInt16BE(start + 2),
      bytes.readUInt16BE(start + 4),
    ];
    return { priority, weight, port, target };
  });
}

/** It is called otherwise, and the reply does not say what that has: ask for it. */
export interface Alias {
  readonly alias: string;
  readonly ttlMs: number;
}

/** What belongs to the question's name, by the aliases that stand in the reply; anything else in it is not taken. */
function collect<T>(reply: DnsReply, question: Question, read: (record: DnsRecord) => T | null): Found<T> | Alias {
  let { name } = question;
  let ttl = Number.POSITIVE_INFINITY;
  for (let i = 0; i < MAX_ALIASES; i++) {
    const records: T[] = [];
    for (const record of reply.answers) {
      const value = record.type === TYPES[question.type] && record.name === name ? read(record) : null;
      if (value === null) continue;
      records.push(value);
      ttl = Math.min(ttl, record.ttl);
    }
    if (records.length > 0) return { records, ttlMs: ttl * 1000 };
    const alias = aliasIn(reply, name);
    if (alias === null) return name === question.name ? NOTHING : { alias: name, ttlMs: ttl * 1000 };
    name = alias.target;
    ttl = Math.min(ttl, alias.ttl);
  }
  return NOTHING;
}

const NOTHING: Found<never> = { records: [], ttlMs: ABSENT_TTL_MS };

function aliasIn({ answers, bytes }: DnsReply, name: string): { target: string; ttl: number } | null {
  const record = answers.find((one) => one.type === TYPES.CNAME && one.name === name);
  const target = record === undefined ? null : targetAt(bytes, record.start);
  return record === undefined || target === null || target === "" ? null : { target, ttl: record.ttl };
}

function targetAt(bytes: Buffer, at: number): string | null {
  try {
    const { name } = readName(bytes, at);
    return name === "" || isHostName(name) ? name : null;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function addressOf(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  // An IPv4 address in IPv6 is judged and dialled as IPv4; the others get their one spelling.
  const plain = plainAddress(groups.join(":"));
  return plain.includes(":") ? URL.parse(`http://[${plain}]/`)!.hostname.slice(1, -1) : plain;
}
