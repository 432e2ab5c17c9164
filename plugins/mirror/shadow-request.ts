import type { SendContext } from "sluice";
import type { Config } from "./index.ts";
import type { Seen } from "./compare.ts";

const CREDENTIALS = ["authorization", "proxy-authorization", "cookie", "x-api-key"];
/** Of one connection, or written by whoever sends. */
const NEVER_COPIED = [
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** The most that is read of a reply nobody compares, so that its connection can be used again. */
const DRAIN_BYTES = 65_536;

interface ShadowRequest {
  readonly url: string;
  readonly init: BunFetchRequestInit;
}

/** How a copy of a request is made: as it goes upstream, to another one. */
export function shadowRequest(config: Config): (ctx: SendContext<object>, body: Uint8Array | null) => ShadowRequest {
  const left = new Set([...NEVER_COPIED, ...config.removeHeaders.map((name) => name.toLowerCase())]);
  if (config.stripCredentials) for (const name of CREDENTIALS) left.add(name);
  return (ctx, body) => {
    const { outgoing } = ctx;
    const headers: Array<[string, string]> = [];
    for (const [name, value] of outgoing.headers) if (!left.has(name.toLowerCase())) headers.push([name, value]);
    headers.push(["X-Mirrored", "1"]);
    if (config.preserveHost) headers.push(["Host", outgoing.host]);
    return {
      url: `upstream://${config.upstream}${outgoing.target}`,
      init: {
        method: outgoing.method,
        headers,
        body: body as Uint8Array<ArrayBuffer> | null,
        redirect: "manual",
        decompress: false,
        // Not the client's signal: a client that goes away does not end the copy.
        signal: AbortSignal.timeout(config.timeout),
      },
    };
  };
}

/** Status and chosen headers of a reply. */
export function seenOf(
  reply: { readonly status: number; readonly headers: { get(name: string): string | null } },
  names: readonly string[],
): Seen {
  const headers = new Map(names.map((name) => [name.toLowerCase(), reply.headers.get(name)]));
  const type = reply.headers.get("content-type") ?? "";
  return { status: reply.status, headers, type, coding: reply.headers.get("content-encoding"), body: null };
}

/** The body of `response`, or null where it is longer than `limit`; it is read or cancelled in any case. */
export async function readLimited(response: Response, limit: number): Promise<Uint8Array | null> {
  if (response.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length <= limit) chunks.push(chunk);
    // Leaving the loop cancels the stream.
    else if (length > Math.max(limit, DRAIN_BYTES)) return null;
  }
  return length <= limit ? Buffer.concat(chunks) : null;
}
