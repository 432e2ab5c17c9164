import { STATUS_CODES } from "node:http";
import type { PluginCode, ProblemOptions } from "../../contract/context.ts";
import { BytesBody } from "../../model/body.ts";
import type { ErrorKind } from "../../model/failures.ts";
import { FAILURES } from "../../model/failures.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import { HeaderMap } from "../../model/header-map.ts";
import type { Reply } from "../../model/reply.ts";
import { isHopByHop } from "../forwarding/hop-by-hop.ts";
import type { Ticker } from "../ticker.ts";
import { StreamBody } from "../web-stream-body.ts";

/** What `ctx.respond` and `ctx.problem` know of their Response, so that nobody has to read it again. */
const WHOLE = Symbol("whole");
const CODE = Symbol("code");

type Marked = Response & { [WHOLE]?: Uint8Array; [CODE]?: ErrorKind | PluginCode };

export function respondWith(status: number, body: Bun.BodyInit | null = null, headers?: Bun.HeadersInit): Response {
  const init = headers === undefined ? { status } : { status, headers: new Headers(headers) };
  const response: Marked = new Response(body, init);
  if (typeof body === "string") {
    response[WHOLE] = Buffer.from(body, "utf8");
    if (!response.headers.has("content-type")) response.headers.set("Content-Type", "text/plain; charset=utf-8");
  } else if (body instanceof Uint8Array) response[WHOLE] = body;
  return response;
}

/** problem+json (RFC 9457), as failures of Sluice's own look. */
export function problemResponse(
  code: ErrorKind | PluginCode,
  { status, detail, headers }: ProblemOptions,
  requestId: string,
): Response {
  const own = code.startsWith("plugin:") ? null : FAILURES[code as ErrorKind];
  if (own === undefined) throw new TypeError(`no code is called "${code}"; a plugin's own begin with "plugin:"`);
  const used = status ?? own?.status ?? 500;
  const problem = {
    type: "about:blank",
    title: used === own?.status ? own.title : (STATUS_CODES[used] ?? "Error"),
    status: used,
    ...(detail === undefined ? {} : { detail }),
    code,
    requestId,
  };
  const response: Marked = respondWith(used, `${JSON.stringify(problem)}\n`, {
    "Content-Type": "application/problem+json",
    "Cache-Control": "no-store",
    ...(own === null ? {} : { "Proxy-Status": `sluice; error=${own.proxyStatus}` }),
  });
  new Headers(headers).forEach((value, name) => response.headers.append(name, value));
  response[CODE] = code;
  return response;
}

/** The code that `ctx.problem` gave a Response; null for every other. */
export function codeOf(response: Response): ErrorKind | PluginCode | null {
  return (response as Marked)[CODE] ?? null;
}

/**
 * A plugin's Response as a reply. At once where its bytes are known; else after a moment, in which a body that is complete shows
 * itself and gets a Content-Length, and one that is not becomes a stream.
 */
export function replyOf(response: Response, ticker: Ticker): Reply | Promise<Reply> {
  const { status } = response;
  if (status < 200 || status > 599) throw new TypeError(`a plugin cannot answer with status ${status}`);
  if (response.bodyUsed) throw new TypeError("the Response of a hook was read already; answer with a clone");
  const whole = (response as Marked)[WHOLE];
  if (whole !== undefined) return finish(response, new BytesBody(whole));
  return response.body === null ? finish(response, new BytesBody(new Uint8Array(0))) : foreignReply(response, ticker);
}

type Bytes = Uint8Array<ArrayBuffer>;

interface Reads {
  readMany(): Promise<{ done: boolean; value?: Bytes[] }> | { done: boolean; value?: Bytes[] };
}

async function foreignReply(response: Response, ticker: Ticker): Promise<Reply> {
  const stream = response.body!;
  const reader = stream.getReader();
  const first = (reader as unknown as Reads).readMany();
  if (!(first instanceof Promise)) {
    const chunks = first.value ?? [];
    if (first.done) return finish(response, new BytesBody(Buffer.concat(chunks)));
    const second = (reader as unknown as Reads).readMany();
    const rest = second instanceof Promise ? await settledSoon(second) : second;
    if (rest?.done && (rest.value ?? []).length === 0) return finish(response, new BytesBody(Buffer.concat(chunks)));
    return finish(response, streamBody(continued(chunks, second, reader), ticker));
  }
  return finish(response, streamBody(continued([], first, reader), ticker));
}

/** What a promise came to if it does so within a few microtasks, else null. */
async function settledSoon<T>(promise: Promise<T>): Promise<T | null> {
  for (let i = 0; i < 4; i++) {
    if (Bun.peek.status(promise) !== "pending") return promise;
    await Promise.resolve();
  }
  return null;
}

type Many = { done: boolean; value?: Bytes[] };

/** What was read already, then the rest. */
function continued(
  read: readonly Bytes[],
  next: Promise<Many> | Many,
  reader: { cancel(why: unknown): Promise<void> },
): ReadableStream<Bytes> {
  let pending: Promise<Many> | Many | null = next;
  return new ReadableStream<Bytes>({
    start(controller) {
      for (const chunk of read) controller.enqueue(chunk);
    },
    async pull(controller) {
      const { done, value = [] } = await (pending ?? (reader as unknown as Reads).readMany());
      pending = null;
      for (const chunk of value) controller.enqueue(chunk);
      if (done) controller.close();
    },
    cancel: (why) => reader.cancel(why),
  });
}

function streamBody(body: ReadableStream<Bytes>, ticker: Ticker): StreamBody {
  return new StreamBody({ body }, null, pluginSource(ticker));
}

/** A body that a plugin makes: its own time, its own errors. */
export function pluginSource(ticker: Ticker) {
  return {
    ticker,
    idleMs: null,
    idleError: () => new GatewayError("plugin_failed"),
    readError: (cause: unknown) => new GatewayError("plugin_failed", String(cause), { cause }),
    bodyOver: () => undefined,
  };
}

function finish(response: Response, body: BytesBody | StreamBody): Reply {
  const { status } = response;
  const headers = new HeaderMap();
  for (const [name, value] of response.headers)
    if (name !== "content-length" && !isHopByHop(name)) headers.append(name, value);
  const reason = response.statusText === "" ? (STATUS_CODES[status] ?? "") : response.statusText;
  if (status === 204 || status === 304) return { status, reason, headers, body: null };
  if (body.length !== null) headers.push("Content-Length", String(body.length));
  return { status, reason, headers, body: body.length === 0 ? null : body };
}
