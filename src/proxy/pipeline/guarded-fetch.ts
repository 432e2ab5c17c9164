import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { AddressSet, plainAddress } from "../client-address.ts";
import type { Snapshot } from "../snapshot.ts";
import { fetchUpstream } from "./upstream-fetch.ts";

/** Link-local addresses, among them the clouds' metadata services, and those that are elsewhere (AWS over IPv6, Alibaba). */
const FORBIDDEN = new AddressSet(["169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "100.100.100.200/32"]);
const MAX_REDIRECTS = 10;

/**
 * `fetch` for plugins. `upstream://name/path` goes through the upstream's pool. Elsewhere the address that is dialled is the one
 * that was checked, at every redirect, too.
 */
export function guardedFetch(fetch: typeof globalThis.fetch, snapshot: () => Snapshot | null): typeof globalThis.fetch {
  const guarded = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const address = input instanceof Request ? input.url : String(input);
    if (address.startsWith("upstream://")) {
      const current = snapshot();
      if (current === null)
        throw new TypeError("no upstream can be asked before Sluice serves; ask in a hook, or later");
      return fetchUpstream(current, input instanceof Request ? input : new Request(localUrl(address), init), address);
    }
    return follow(
      fetch,
      input instanceof Request ? new Request(input, init) : new Request(String(input), init),
      snapshot,
    );
  };
  return Object.assign(guarded, { preconnect: fetch.preconnect?.bind(fetch) }) as typeof globalThis.fetch;
}

/** `Request` takes http URLs; the name is in the address. */
function localUrl(address: string): string {
  const path = address.slice("upstream://".length).replace(/^[^/?]*/, "");
  return `http://upstream.invalid${path.startsWith("/") ? "" : "/"}${path}`;
}

async function follow(
  fetch: typeof globalThis.fetch,
  first: Request,
  snapshot: () => Snapshot | null,
): Promise<Response> {
  const wanted = first.redirect;
  let request = first;
  for (let hops = 0; ; hops++) {
    const body = wanted === "follow" && request.body !== null ? await request.clone().arrayBuffer() : null;
    const response = await dial(fetch, request, snapshot);
    const location = response.headers.get("location");
    if (location === null || ![301, 302, 303, 307, 308].includes(response.status) || wanted === "manual")
      return response;
    if (wanted === "error") throw new TypeError(`${request.url} redirects`);
    if (hops === MAX_REDIRECTS) throw new TypeError(`${first.url} redirects more than ${MAX_REDIRECTS} times`);
    void response.body?.cancel();
    request = redirected(request, new URL(location, request.url), response.status, body);
  }
}

/** As the fetch standard says: 303, and 301 and 302 after POST, become GET; another origin does not get the credentials. */
function redirected(from: Request, to: URL, status: number, body: ArrayBuffer | null): Request {
  const becomesGet = status === 303 ? from.method !== "HEAD" : status < 303 && from.method === "POST";
  const headers = new Headers(from.headers);
  if (new URL(from.url).origin !== to.origin)
    for (const name of ["authorization", "cookie", "proxy-authorization"]) headers.delete(name);
  if (becomesGet) for (const name of ["content-type", "content-length", "content-encoding"]) headers.delete(name);
  const method = becomesGet ? "GET" : from.method;
  return new Request(to.href, { method, headers, body: becomesGet ? null : body, signal: from.signal });
}

async function dial(
  fetch: typeof globalThis.fetch,
  request: Request,
  snapshot: () => Snapshot | null,
): Promise<Response> {
  const url = new URL(request.url);
  if (url.protocol !== "http:" && url.protocol !== "https:") throw new TypeError(`cannot fetch ${url.protocol} URLs`);
  const name = url.hostname.replace(/^\[|\]$/g, "");
  const address = await permitted(name, snapshot());
  const headers = new Headers(request.headers);
  if (!headers.has("host")) headers.set("Host", url.host);
  url.hostname = isIP(address) === 6 ? `[${address}]` : address;
  const init = { headers, redirect: "manual" as const, signal: request.signal };
  const tls = url.protocol === "https:" && isIP(name) === 0 ? { tls: { serverName: name } } : {};
  const response = await fetch(new Request(url.href, { ...init, method: request.method, body: request.body }), tls);
  // What Bun has decoded is not encoded any more.
  if (response.headers.has("content-encoding")) {
    response.headers.delete("content-encoding");
    response.headers.delete("content-length");
  }
  return response;
}

async function permitted(name: string, snapshot: Snapshot | null): Promise<string> {
  const addresses = isIP(name) === 0 ? (await lookup(name, { all: true })).map((found) => found.address) : [name];
  const blocked = snapshot?.blocked;
  const allowed = addresses
    .map((address) => plainAddress(address))
    .find((address) => !FORBIDDEN.has(address) && blocked?.has(address) !== true);
  if (allowed === undefined)
    throw new TypeError(
      `plugins may not fetch from ${name}: link-local, metadata and security.blockedIPs addresses are refused`,
    );
  return allowed;
}
