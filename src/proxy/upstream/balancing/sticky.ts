import type { Exchange } from "../../../model/exchange.ts";
import type { Endpoint } from "../endpoint.ts";
import type { Balancer } from "./balancer.ts";
import { cookieValue } from "./hash-key.ts";

/**
 * Keeps a client at the endpoint that its cookie names, while that endpoint may be picked; else another balancer chooses.
 * The cookie holds a keyed hash of the endpoint's id: it tells a client nothing about addresses, and every worker and every
 * machine with the same secret understands it.
 */
export class Sticky {
  readonly #cookie: string;
  readonly #balancer: Balancer;
  readonly #tokens: ReadonlyMap<Endpoint, string>;
  readonly #endpoints: ReadonlyMap<string, Endpoint>;

  /** @param secret without one the hash is keyed by public names only: it hides addresses from eyes, not from a search. */
  constructor(cookie: string, endpoints: readonly Endpoint[], balancer: Balancer, secret = "") {
    this.#cookie = cookie;
    this.#balancer = balancer;
    this.#tokens = new Map(endpoints.map((endpoint) => [endpoint, tokenOf(endpoint, `${secret} ${cookie}`)]));
    this.#endpoints = new Map([...this.#tokens].map(([endpoint, token]) => [token, endpoint]));
  }

  pick(candidates: readonly Endpoint[], exchange: Exchange): Endpoint {
    const named = this.#endpoints.get(cookieValue(exchange, this.#cookie) ?? "");
    return named !== undefined && candidates.includes(named) ? named : this.#balancer.pick(candidates, exchange);
  }

  /** The value of the Set-Cookie field that binds the client to `endpoint`; null: it is bound to it already. */
  cookieFor(endpoint: Endpoint, exchange: Exchange): string | null {
    const token = this.#tokens.get(endpoint);
    if (token === undefined || token === cookieValue(exchange, this.#cookie)) return null;
    const secure = exchange.scheme === "https" ? "; Secure" : "";
    return `${this.#cookie}=${token}; Path=/; HttpOnly; SameSite=Lax${secure}`;
  }
}

function tokenOf(endpoint: Endpoint, key: string): string {
  const hasher = new Bun.CryptoHasher("sha256", key);
  return hasher.update(`${endpoint.upstream} ${endpoint.id}`).digest("base64url").slice(0, 16);
}
