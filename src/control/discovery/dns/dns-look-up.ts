import { DnsFailure } from "./dns-exchange.ts";
import type { SrvRecord } from "./dns-records.ts";
import type { DnsResolver } from "./dns-resolver.ts";
import type { DnsSpec } from "./dns-spec.ts";

/** One address that a name leads to. */
export interface DnsEndpoint {
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: number;
  /** Beside the others of the same name; from 1. */
  readonly weight: number;
  /** What was resolved to it; of a service, the target. */
  readonly name: string;
}

export interface LookUp {
  /** In an order that does not change by itself. */
  readonly endpoints: readonly DnsEndpoint[];
  readonly ttlMs: number;
}

/** The last addresses of each target of a service: one that cannot be resolved for a while keeps them. */
export type TargetMemory = Map<string, readonly string[]>;

const MAX_TARGETS = 64;
const MAX_ENDPOINTS = 256;

/** Asks for what a name has now. @throws DnsFailure */
export async function lookUp(
  spec: DnsSpec,
  resolver: DnsResolver,
  memory: TargetMemory,
  signal: AbortSignal,
): Promise<LookUp> {
  if (spec.kind === "srv") return lookUpService(spec, { resolver, memory, signal });
  const { name, scheme, port } = spec;
  const { records, ttlMs } = await resolver.addresses(name, signal);
  const endpoints = records.map((host) => ({ scheme, host, port, weight: 1, name }));
  return { endpoints: ordered(endpoints), ttlMs };
}

interface Asking {
  readonly resolver: DnsResolver;
  readonly memory: TargetMemory;
  readonly signal: AbortSignal;
}

/** RFC 2782: the targets of the lowest priority, and of the next one only when nothing is left of those. */
async function lookUpService({ name, scheme }: DnsSpec, asking: Asking): Promise<LookUp> {
  const { records, ttlMs } = await asking.resolver.services(name, asking.signal);
  const usable = records.filter(({ target, port }) => target !== "" && port > 0).slice(0, MAX_TARGETS);
  const targets = new Set(usable.map(({ target }) => target));
  for (const target of asking.memory.keys()) if (!targets.has(target)) asking.memory.delete(target);
  let least = ttlMs;
  let failure: DnsFailure | null = null;
  for (const group of byPriority(usable)) {
    const resolved = await Promise.all(group.map((record) => resolveTarget(record, asking)));
    for (const one of resolved) {
      least = Math.min(least, one.ttlMs);
      failure ??= one.failure;
    }
    const shared = shareOut(resolved.map(({ record, hosts }) => ({ record, hosts })));
    const endpoints = shared.map(({ record, ...rest }) => ({
      ...rest,
      scheme,
      port: record.port,
      name: record.target,
    }));
    if (endpoints.length > 0) return { endpoints: ordered(endpoints), ttlMs: least };
  }
  // "There is nothing" is only true when everybody has answered.
  if (failure !== null) throw failure;
  return { endpoints: [], ttlMs: least };
}

interface Resolved {
  readonly record: SrvRecord;
  readonly hosts: readonly string[];
  readonly ttlMs: number;
  readonly failure: DnsFailure | null;
}

async function resolveTarget(record: SrvRecord, { resolver, memory, signal }: Asking): Promise<Resolved> {
  try {
    const { records, ttlMs } = await resolver.addresses(record.target, signal);
    memory.set(record.target, records);
    return { record, hosts: records, ttlMs, failure: null };
  } catch (error) {
    if (!(error instanceof DnsFailure)) throw error;
    return { record, hosts: memory.get(record.target) ?? [], ttlMs: 0, failure: error };
  }
}

function byPriority(records: readonly SrvRecord[]): SrvRecord[][] {
  const groups = new Map<number, SrvRecord[]>();
  for (const record of records) groups.set(record.priority, [...(groups.get(record.priority) ?? []), record]);
  return [...groups.entries()].sort(([a], [b]) => a - b).map(([, group]) => group);
}

interface Share {
  readonly record: SrvRecord;
  readonly host: string;
  readonly weight: number;
}

/** Small enough to stay below what an endpoint's weight may be, fine enough for a target with several addresses. */
const FINENESS = 12;

/**
 * A target's weight is shared by its addresses. Weight 0 among others means "hardly ever" (RFC 2782), which is the least weight
 * there is; when all have it, they are alike.
 */
function shareOut(targets: ReadonlyArray<{ record: SrvRecord; hosts: readonly string[] }>): Share[] {
  const areAlike = targets.every(({ record }) => record.weight === 0);
  const shares = targets.flatMap(({ record, hosts }) => {
    const whole = areAlike ? FINENESS : record.weight * FINENESS;
    const weight = Math.max(1, Math.round(whole / Math.max(1, hosts.length)));
    return hosts.map((host) => ({ record, host, weight }));
  });
  const divisor = shares.reduce((sum, { weight }) => greatestCommonDivisor(sum, weight), 0);
  return shares.map((share) => ({ ...share, weight: share.weight / divisor }));
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** DNS shuffles its answers: in one order, an answer that is the same looks the same. Each address and port stands there once. */
function ordered(endpoints: readonly DnsEndpoint[]): DnsEndpoint[] {
  const byAddress = new Map(endpoints.map((endpoint) => [`${endpoint.host} ${endpoint.port}`, endpoint]));
  return [...byAddress.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, endpoint]) => endpoint)
    .slice(0, MAX_ENDPOINTS);
}
