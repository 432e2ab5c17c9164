import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { GatewayError } from "../../model/gateway-error.ts";
import { AddressSet, plainAddress } from "../client-address.ts";
import type { Endpoint } from "./endpoint.ts";

/** Names are asked again after this long: short enough for a moved service, long enough to cost nothing. */
const TTL_MS = 5_000;

/**
 * Decides what may be dialled, on the address that really is: names are resolved here, once, and what was checked is what the
 * transport connects to, so that a name cannot change its mind in between (DNS rebinding).
 */
export class DialGuard {
  readonly #blocked: AddressSet;
  readonly #allowedHosts: readonly string[] | null;
  readonly #now: () => number;

  constructor(blockedIPs: readonly string[], allowedHosts: readonly string[] | null, now: () => number) {
    this.#blocked = new AddressSet(blockedIPs);
    this.#allowedHosts = allowedHosts;
    this.#now = now;
  }

  /**
   * @returns the addresses to dial, at once when they are known; a refusal; or a promise while a name is looked up.
   * A stale answer serves while it is renewed behind the scenes.
   */
  check(endpoint: Endpoint): readonly string[] | GatewayError | Promise<readonly string[] | GatewayError> {
    const known = endpoint.dial;
    if (known !== null && known.guard === this) {
      if (this.#now() < known.staleAt) return known.addresses;
      void this.#resolve(endpoint);
      return known.addresses;
    }
    if (!this.#isAllowed(endpoint)) return refusal(`${endpoint.host} is not in security.allowedHosts`);
    if (endpoint.port === 0) return this.#remember(endpoint, [endpoint.host], Number.POSITIVE_INFINITY);
    if (isIP(endpoint.host) === 0) return this.#resolve(endpoint);
    if (this.#blocked.has(endpoint.host)) return refusal(`${endpoint.host} is in security.blockedIPs`);
    return this.#remember(endpoint, [endpoint.host], Number.POSITIVE_INFINITY);
  }

  #isAllowed(endpoint: Endpoint): boolean {
    const allowed = this.#allowedHosts;
    if (allowed === null) return true;
    const host = endpoint.host.toLowerCase();
    return allowed.some((pattern) => (pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) : host === pattern));
  }

  #remember(endpoint: Endpoint, addresses: readonly string[], staleAt: number): readonly string[] {
    endpoint.dial = { guard: this, addresses, staleAt };
    return addresses;
  }

  async #resolve(endpoint: Endpoint): Promise<readonly string[] | GatewayError> {
    const known = endpoint.dial;
    // Renewing: whoever asks meanwhile gets the old answer and starts no second look-up.
    if (known !== null && known.guard === this) this.#remember(endpoint, known.addresses, this.#now() + TTL_MS);
    try {
      const found = await lookup(endpoint.host, { all: true });
      const addresses = found
        .map((entry) => plainAddress(entry.address))
        .filter((address) => !this.#blocked.has(address));
      if (addresses.length > 0) return this.#remember(endpoint, addresses, this.#now() + TTL_MS);
      endpoint.dial = null;
      return refusal(`every address of ${endpoint.host} is in security.blockedIPs`);
    } catch (cause) {
      return new GatewayError("upstream_connect_failed", `cannot resolve ${endpoint.host}`, { cause });
    }
  }
}

function refusal(detail: string): GatewayError {
  return new GatewayError("upstream_forbidden", detail);
}
