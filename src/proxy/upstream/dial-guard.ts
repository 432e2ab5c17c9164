import { isIP } from "node:net";
import { GatewayError } from "../../model/gateway-error.ts";
import { plainAddress } from "../client-address.ts";
import { DialPolicy } from "./dial-policy.ts";
import type { Endpoint } from "./endpoint.ts";
import { type Bound, leadsToOurs } from "./own-addresses.ts";
import { type Resolve, resolveBySystem } from "./resolve.ts";

/** Names are asked again after this long: short enough for a moved service, long enough to cost nothing. */
const TTL_MS = 5_000;

type Verdict = readonly string[] | GatewayError;

/**
 * Decides what may be dialled, on the address that really is: names are resolved here, once, and what was checked is what the
 * transport connects to, so that a name cannot change its mind in between (DNS rebinding).
 *
 * No name leads to metadata services or link-local addresses. Those can only be had by writing the address itself, and only by the
 * operator: an endpoint that was discovered or registered is held to the same as a name.
 */
export class DialGuard {
  readonly policy: DialPolicy;
  readonly #allowedHosts: readonly string[] | null;
  readonly #now: () => number;
  readonly #resolve: Resolve;
  /** Look-ups under way: however many requests wait for a name, it is asked for once. */
  #isOurs: (address: string, port: number) => boolean = () => false;
  readonly #asking = new WeakMap<Endpoint, Promise<Verdict>>();

  constructor(
    blockedIPs: readonly string[],
    allowedHosts: readonly string[] | null,
    now: () => number,
    resolve = resolveBySystem,
  ) {
    this.policy = new DialPolicy(blockedIPs);
    this.#allowedHosts = allowedHosts;
    this.#now = now;
    this.#resolve = resolve;
  }

  /** Nobody's upstream: what listens there is ours. */
  sparing(ours: readonly Bound[]): this {
    if (ours.length > 0) this.#isOurs = leadsToOurs(ours);
    return this;
  }

  /**
   * @returns the addresses to dial, at once when they are known; a refusal; or a promise while a name is looked up.
   * A stale answer serves while it is renewed behind the scenes.
   */
  check(endpoint: Endpoint): Verdict | Promise<Verdict> {
    const known = endpoint.dial;
    if (known !== null && known.guard === this) {
      // An address needs no clock: most endpoints are one.
      if (known.staleAt !== Number.POSITIVE_INFINITY && this.#now() >= known.staleAt) void this.#ask(endpoint);
      return known.addresses;
    }
    if (endpoint.port === 0) return this.#checkSocket(endpoint);
    if (!this.#isAllowed(endpoint.host)) return refusal(`${endpoint.host} is not in security.allowedHosts`);
    if (isIP(endpoint.host) === 0) return this.#ask(endpoint);
    const { host, discovered } = endpoint;
    const permitted = discovered ? this.policy.permits(host) : this.policy.permitsWritten(host);
    if (!permitted) return refusal(`${host} is ${discovered ? FORBIDDEN : "in security.blockedIPs"}`);
    if (this.#isOurs(host, endpoint.port)) return refusal(`${host}:${endpoint.port} is Sluice's own admin API`);
    return this.#remember(endpoint, [host], Number.POSITIVE_INFINITY);
  }

  /** A path of this machine, such as the one to Docker's own API, is nobody's to name but the operator's. */
  #checkSocket(endpoint: Endpoint): Verdict {
    if (endpoint.discovered) return refusal(`${endpoint.host}: only the configuration may name a unix socket`);
    return this.#remember(endpoint, [endpoint.host], Number.POSITIVE_INFINITY);
  }

  #isAllowed(name: string): boolean {
    const allowed = this.#allowedHosts;
    if (allowed === null) return true;
    const host = isIP(name) === 0 ? name.toLowerCase().replace(/\.$/, "") : plainAddress(name).toLowerCase();
    return allowed.some((pattern) => (pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) : host === pattern));
  }

  #remember(endpoint: Endpoint, addresses: readonly string[], staleAt: number): readonly string[] {
    endpoint.dial = { guard: this, addresses, staleAt };
    return addresses;
  }

  #ask(endpoint: Endpoint): Promise<Verdict> {
    let asking = this.#asking.get(endpoint);
    if (asking === undefined) {
      asking = this.#lookUp(endpoint).finally(() => this.#asking.delete(endpoint));
      this.#asking.set(endpoint, asking);
    }
    return asking;
  }

  async #lookUp(endpoint: Endpoint): Promise<Verdict> {
    const { host } = endpoint;
    try {
      const found = await this.#resolve(host);
      const isFine = (address: string) => this.policy.permits(address) && !this.#isOurs(address, endpoint.port);
      const addresses = found.filter(isFine);
      if (addresses.length > 0) return this.#remember(endpoint, addresses, this.#now() + TTL_MS);
      endpoint.dial = null;
      return refusal(`every address of ${host} is ${FORBIDDEN}`);
    } catch (cause) {
      // What it had last is as good as anything; the name is asked again in a while.
      const known = endpoint.dial;
      if (known !== null && known.guard === this) this.#remember(endpoint, known.addresses, this.#now() + TTL_MS);
      return new GatewayError("upstream_connect_failed", `cannot resolve ${host}`, { cause });
    }
  }
}

const FORBIDDEN = "link-local, a cloud's metadata service, our own admin API, or in security.blockedIPs";

function refusal(detail: string): GatewayError {
  return new GatewayError("upstream_forbidden", detail);
}
