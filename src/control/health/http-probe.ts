import { rangesText, isExpected } from "./status-ranges.ts";
import type { HttpCheckSpec } from "../../model/snapshot-spec.ts";
import type { ProbeResult } from "./check-spec.ts";
import type { FetchLink } from "../../proxy/upstream/transport/fetch-links.ts";

/** A body is read this far in search of what it should contain. */
const MAX_BODY_BYTES = 64 * 1024;

export interface HttpQuestion {
  readonly check: HttpCheckSpec;
  /** Where the endpoint is and how its certificate is verified: as for real traffic. */
  readonly link: FetchLink;
  readonly authority: string;
  readonly protocol: "http1" | "http2" | "http3";
}

/** Asks once, on a connection of its own. @throws what `fetch` throws when no reply came. */
export async function askHttp(question: HttpQuestion, signal: AbortSignal): Promise<ProbeResult> {
  const { check, link } = question;
  // Without it, `@elsewhere/` would be a path that names another host.
  if (!check.path.startsWith("/")) throw new Error(`the path ${JSON.stringify(check.path)} does not begin with "/"`);
  const response = await link.session.fetch(link.origin + check.path, requestOf(question, signal));
  const { status } = response;
  if (!isExpected(status, check.expect)) {
    discard(response);
    return { ok: false, reason: `HTTP ${status}, expected ${rangesText(check.expect)}` };
  }
  if (check.body === null) {
    discard(response);
    return { ok: true, reason: `HTTP ${status}` };
  }
  const matches = await bodyMatches(response.body, check.body);
  const wanted = "contains" in check.body ? JSON.stringify(check.body.contains) : `/${check.body.regex}/`;
  return { ok: matches, reason: `HTTP ${status}, its body ${matches ? "has" : "lacks"} ${wanted}` };
}

function requestOf({ check, authority, protocol }: HttpQuestion, signal: AbortSignal): BunFetchRequestInit {
  const headers = new Headers(check.headers.map(([name, value]) => [name, value]));
  headers.set("Host", check.host ?? authority);
  if (!headers.has("User-Agent")) headers.set("User-Agent", "sluice-health-check");
  // What is searched for is text, not its compressed form.
  if (!headers.has("Accept-Encoding")) headers.set("Accept-Encoding", "identity");
  const init: BunFetchRequestInit = {
    method: check.method,
    headers,
    signal,
    redirect: "manual",
    decompress: false,
    // A connection that was open before says nothing about whether the next one would be taken.
    keepalive: false,
    proxy: false as unknown as string,
  };
  if (protocol !== "http1") init.protocol = protocol;
  return init;
}

async function bodyMatches(
  body: ReadableStream<Uint8Array> | null,
  wanted: NonNullable<HttpCheckSpec["body"]>,
): Promise<boolean> {
  const needle = "contains" in wanted ? Buffer.from(wanted.contains, "utf8") : null;
  const kept = Buffer.allocUnsafe(MAX_BODY_BYTES);
  let length = 0;
  for await (const chunk of body ?? []) {
    const searched = Math.max(0, length - (needle?.length ?? 0));
    length += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).copy(kept, length);
    // A body that goes on for ever may have said enough already.
    if (needle !== null && kept.subarray(searched, length).includes(needle)) return true;
    if (length === MAX_BODY_BYTES) break;
  }
  const all = kept.subarray(0, length);
  return "regex" in wanted ? new RegExp(wanted.regex).test(all.toString("utf8")) : all.includes(needle!);
}

/** Nobody reads it: its connection may go. */
function discard(response: Response): void {
  response.body?.cancel().catch(() => undefined);
}
