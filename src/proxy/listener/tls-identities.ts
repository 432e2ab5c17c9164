import type { TlsIdentitySpec } from "../../model/snapshot-spec.ts";

/** One certificate, ready for the handshake. */
export interface TlsIdentity {
  readonly spec: TlsIdentitySpec;
  /** For `upgradeTLS`; the runtime keeps one TLS context for equal options. */
  readonly options: Bun.TLSOptions;
}

/** RFC 8446 §4.2.1; older ones are deprecated (RFC 8996). */
const TLS_1_2 = 0x0303;
const ALPN_HTTP1 = Buffer.from("\x08http/1.1", "latin1");

/** The certificates of a listener by the names they serve. */
export class TlsIdentities {
  readonly #exact = new Map<string, TlsIdentity>();
  /** By what follows the star: `.example.com`. */
  readonly #wildcards = new Map<string, TlsIdentity>();
  readonly #default: TlsIdentity;
  /** Do the identities differ in whom they let in? Then a request must not ask for a host of another one. */
  readonly #guarded: boolean;

  /** @param specs not empty; where two serve the same name the first one does. */
  constructor(specs: readonly TlsIdentitySpec[]) {
    const identities = specs.map((spec) => ({ spec, options: tlsOptions(spec) }));
    for (const identity of identities) {
      for (const name of identity.spec.serverNames) this.#serve(name, identity);
    }
    this.#default = identities.find(({ spec }) => spec.serverNames.length === 0) ?? identities[0]!;
    this.#guarded = specs.some((spec) => spec.clientCa !== specs[0]!.clientCa);
  }

  /** @param name lower case; null: the client named none. A wildcard stands for exactly one label (RFC 6125 §6.4.3). */
  pick(name: string | null): TlsIdentity {
    if (name === null) return this.#default;
    const exact = this.#exact.get(name);
    if (exact !== undefined) return exact;
    const dot = name.indexOf(".");
    return (dot > 0 ? this.#wildcards.get(name.slice(dot)) : undefined) ?? this.#default;
  }

  /**
   * Which hosts a connection may ask for whose handshake was for `identity`: not those whose identity asks for other client
   * certificates, or the name in the handshake would be a way around them (RFC 9110 §7.4). null: any.
   */
  guard(identity: TlsIdentity): ((host: string) => boolean) | null {
    if (!this.#guarded) return null;
    return (host) => this.pick(host).spec.clientCa === identity.spec.clientCa;
  }

  #serve(name: string, identity: TlsIdentity): void {
    const wild = name.startsWith("*.");
    const names = wild ? this.#wildcards : this.#exact;
    const key = wild ? name.slice(1) : name;
    if (!names.has(key)) names.set(key, identity);
  }
}

function tlsOptions({ cert, key, clientCa }: TlsIdentitySpec): Bun.TLSOptions {
  const client = clientCa === null ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  return { cert, key, ALPNProtocols: ALPN_HTTP1, minVersion: TLS_1_2, ...client } as object;
}
