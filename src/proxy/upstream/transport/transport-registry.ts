import type { SnapshotSpec, UpstreamSpec } from "../../../model/snapshot-spec.ts";
import type { Transports } from "../upstream.ts";
import type { Transport } from "./transport.ts";

export interface TransportLease {
  readonly transports: Transports;
  release(): void;
}

/** Makes the transports of an upstream; handed in, so that nobody here knows how they speak. */
export interface TransportFactory {
  fetch(spec: UpstreamSpec): Transport;
  wire(spec: UpstreamSpec): Transport;
}

interface Entry {
  readonly transports: LazyTransports;
  references: number;
}

/**
 * Connections outlive configuration: an upstream keeps its transports, and so its pools, while everything that decides what a
 * connection is stays the same. A changed fingerprint brings new ones and retires the old.
 */
export class TransportRegistry {
  readonly #factory: TransportFactory;
  readonly #entries = new Map<string, Entry>();

  constructor(factory: TransportFactory) {
    this.#factory = factory;
  }

  acquire(spec: UpstreamSpec, snapshot: SnapshotSpec): TransportLease {
    const key = fingerprint(spec, snapshot);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { transports: new LazyTransports(this.#factory, spec), references: 0 };
      this.#entries.set(key, entry);
    }
    entry.references++;
    const held = entry;
    return { transports: held.transports, release: () => this.#release(key, held) };
  }

  #release(key: string, entry: Entry): void {
    if (--entry.references > 0) return;
    this.#entries.delete(key);
    entry.transports.retire();
  }
}

// What may be dialled belongs to it: a connection to an address that is blocked now must not be used again.
function fingerprint(spec: UpstreamSpec, { blockedIPs, allowedHosts }: SnapshotSpec): string {
  const { name, protocol, tls, limits } = spec;
  return JSON.stringify([name, protocol, tls, limits, blockedIPs, allowedHosts]);
}

/** Most upstreams are reached from one kind of edge only. */
class LazyTransports implements Transports {
  readonly #factory: TransportFactory;
  readonly #spec: UpstreamSpec;
  #fetch: Transport | null = null;
  #wire: Transport | null = null;

  constructor(factory: TransportFactory, spec: UpstreamSpec) {
    this.#factory = factory;
    this.#spec = spec;
  }

  get fetch(): Transport {
    return (this.#fetch ??= this.#factory.fetch(this.#spec));
  }

  get wire(): Transport {
    return (this.#wire ??= this.#factory.wire(this.#spec));
  }

  retire(): void {
    this.#fetch?.retire();
    this.#wire?.retire();
  }
}
