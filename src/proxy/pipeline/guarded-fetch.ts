import { isIP } from "node:net";
import type { Snapshot } from "../snapshot.ts";
import { DialPolicy } from "../upstream/dial-policy.ts";
import { type Resolve, resolveBySystem } from "../upstream/resolve.ts";
import { fetchUpstream } from "./upstream-fetch.ts";

const MAX_REDIRECTS = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const ANY_NAME = new DialPolicy([]);

type Fetch = typeof globalThis.fetch;

export interface GuardedFetchOptions {
  /** Of a version that is being prepared: its plugins fetch while they are set up, before its snapshot serves. */
  readonly upcoming?: () => DialPolicy | null;
  readonly resolve?: Resolve;
}

/**
 * `fetch` for plugins. `upstream://name/path` goes through the upstream's pool. Elsewhere the address that is dialled is the one
 * that was checked, at every redirect, too.
 */
export function guardedFetch(
  fetch: Fetch,
  snapshot: () => Snapshot | null,
  { upcoming = () => null, resolve = resolveBySystem }: GuardedFetchOptions = {},
): Fetch {
  const policies = () => [snapshot()?.guard.policy ?? ANY_NAME, upcoming() ?? ANY_NAME];
  const visitor = new Visitor(fetch, policies, resolve);
  const guarded = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const address = input instanceof Request ? input.url : String(input);
    if (address.startsWith("upstream://")) {
      const current = snapshot();
      if (current === null)
        throw new TypeError("no upstream can be asked before Sluice serves; ask in a hook, or later");
      return fetchUpstream(current, input instanceof Request ? input : new Request(localUrl(address), init), address);
    }
    return visitor.follow(input instanceof Request ? new Request(input, init) : new Request(address, init));
  };
  // A hint that may be ignored; as it is, it would dial what nobody has checked.
  return Object.assign(guarded, { preconnect: () => undefined }) as unknown as Fetch;
}

/** `Request` takes http URLs; the name is in the address. */
function localUrl(address: string): string {
  const path = address.slice("upstream://".length).replace(/^[^/?]*/, "");
  return `http://upstream.invalid${path.startsWith("/") ? "" : "/"}${path}`;
}

/** Goes where it may, and no further. */
class Visitor {
  readonly #fetch: Fetch;
  readonly #policies: () => readonly DialPolicy[];
  readonly #resolve: Resolve;

  constructor(fetch: Fetch, policies: () => readonly DialPolicy[], resolve: Resolve) {
    this.#fetch = fetch;
    this.#policies = policies;
    this.#resolve = resolve;
  }

  async follow(first: Request): Promise<Response> {
    const wanted = first.redirect;
    let request = first;
    for (let hops = 0; ; hops++) {
      const body = wanted === "follow" && request.body !== null ? await request.clone().arrayBuffer() : null;
      const response = await this.#dial(request);
      const location = response.headers.get("location");
      if (location === null || !REDIRECTS.has(response.status) || wanted === "manual") return response;
      if (wanted === "error") throw new TypeError(`${request.url} redirects`);
      if (hops === MAX_REDIRECTS) throw new TypeError(`${first.url} redirects more than ${MAX_REDIRECTS} times`);
      void response.body?.cancel();
      request = redirected(request, new URL(location, request.url), response.status, body);
    }
  }

  async #dial(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (url.protocol !== "http:" && url.protocol !== "https:") throw new TypeError(`cannot fetch ${url.protocol} URLs`);
    const name = url.hostname.replace(/^\[|\]$/g, "");
    const address = await this.#permitted(name);
    const headers = new Headers(request.headers);
    if (!headers.has("host")) headers.set("Host", url.host);
    url.hostname = isIP(address) === 6 ? `[${address}]` : address;
    const init = { headers, redirect: "manual" as const, signal: request.signal };
    const tls = url.protocol === "https:" && isIP(name) === 0 ? { tls: { serverName: name } } : {};
    const asked = new Request(url.href, { ...init, method: request.method, body: request.body });
    const response = await this.#fetch(asked, tls);
    // What Bun has decoded is not encoded any more.
    if (response.headers.has("content-encoding")) {
      response.headers.delete("content-encoding");
      response.headers.delete("content-length");
    }
    return response;
  }

  async #permitted(name: string): Promise<string> {
    const addresses = isIP(name) === 0 ? await this.#resolve(name) : [name];
    const policies = this.#policies();
    const allowed = addresses.find((address) => policies.every((policy) => policy.permits(address)));
    if (allowed === undefined)
      throw new TypeError(
        `plugins may not fetch from ${name}: link-local, metadata and security.blockedIPs addresses are refused`,
      );
    return allowed;
  }
}

/** As the fetch standard says: 303, and 301 and 302 after POST, become GET; another origin does not get the credentials. */
function redirected(from: Request, to: URL, status: number, body: ArrayBuffer | null): Request {
  const becomesGet = status === 303 ? from.method !== "HEAD" : status < 303 && from.method === "POST";
  const headers = new Headers(from.headers);
  if (new URL(from.url).origin !== to.origin)
    for (const name of ["authorization", "cookie", "proxy-authorization", "host"]) headers.delete(name);
  if (becomesGet) for (const name of ["content-type", "content-length", "content-encoding"]) headers.delete(name);
  const method = becomesGet ? "GET" : from.method;
  return new Request(to.href, { method, headers, body: becomesGet ? null : body, signal: from.signal });
}
