import { isIP } from "node:net";
import type { UpstreamSpec } from "../../../model/snapshot-spec.ts";
import type { Endpoint } from "../endpoint.ts";

/** How one endpoint is reached at one address. */
export interface FetchLink {
  readonly address: string;
  readonly session: Bun.FetchSession;
  readonly tls: Bun.TLSOptions | undefined;
  /** `scheme://address:port`, to be followed by a target. */
  readonly origin: string;
  readonly unix: string | null;
}

/** Seconds an idle upstream connection is kept; most servers close theirs after 60 to 75. */
const IDLE_SECONDS = 55;

/** Bun's pools are bounded anyway (64 plain connections, oven-sh/bun#42608); this asks for as much as there is. */
const MAX_IDLE_SOCKETS = 65_535;

/** The sessions of an upstream: one for each server name that its certificates are checked against. */
export class FetchLinks {
  readonly #spec: UpstreamSpec;
  readonly #sessions = new Map<string, Bun.FetchSession>();
  readonly #links = new WeakMap<Endpoint, FetchLink>();

  constructor(spec: UpstreamSpec) {
    this.#spec = spec;
  }

  to(endpoint: Endpoint, address: string): FetchLink {
    const known = this.#links.get(endpoint);
    if (known !== undefined && known.address === address) return known;
    const link = this.#make(endpoint, address);
    this.#links.set(endpoint, link);
    return link;
  }

  retire(): void {
    // Closes what is idle; the rest closes when it has been idle for its time.
    for (const session of this.#sessions.values()) session.close();
  }

  #make(endpoint: Endpoint, address: string): FetchLink {
    const unix = endpoint.port === 0 ? endpoint.host : null;
    const dialled = this.#dialsByName(endpoint) ? endpoint.host : address;
    const host = unix !== null ? "localhost" : dialled.includes(":") ? `[${dialled}]` : dialled;
    const origin = unix !== null ? `${endpoint.scheme}://localhost` : `${endpoint.scheme}://${host}:${endpoint.port}`;
    const name = endpoint.scheme === "https" ? this.#serverName(endpoint) : "";
    const tls = endpoint.scheme === "https" ? this.#tls(name) : undefined;
    return { address, session: this.#session(name, unix, tls), tls, origin, unix };
  }

  /**
   * Bun's HTTP/3 client takes the name to ask for and to verify from the URL alone (oven-sh/bun#31420), so it looks the name up once
   * more. That the name has another address by then helps nobody: without its certificate no request goes there.
   */
  #dialsByName(endpoint: Endpoint): boolean {
    return this.#spec.protocol === "http3" && !this.#spec.tls.insecure && isIP(endpoint.host) === 0;
  }

  #serverName(endpoint: Endpoint): string {
    return this.#spec.tls.serverName ?? endpoint.host;
  }

  #session(name: string, unix: string | null, tls: Bun.TLSOptions | undefined): Bun.FetchSession {
    const key = `${name}\n${unix ?? ""}`;
    const known = this.#sessions.get(key);
    if (known !== undefined) return known;
    const keepAlive = { idleTimeout: IDLE_SECONDS, maxIdleSockets: MAX_IDLE_SOCKETS };
    const session = new Bun.FetchSession({ keepAlive, tls, unix: unix ?? undefined });
    this.#sessions.set(key, session);
    return session;
  }

  #tls(name: string): Bun.TLSOptions {
    const { ca, cert, key, insecure } = this.#spec.tls;
    const options: Bun.TLSOptions = { rejectUnauthorized: !insecure };
    // SNI carries names only (RFC 6066 §3).
    if (isIP(name) === 0 && this.#spec.protocol !== "http3") options.serverName = name;
    if (ca !== null) options.ca = ca;
    if (cert !== null) options.cert = cert;
    if (key !== null) options.key = key;
    return options;
  }
}
