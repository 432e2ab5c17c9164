import type { Body } from "../../../model/body.ts";
import { GatewayError } from "../../../model/gateway-error.ts";
import { HeaderMap } from "../../../model/header-map.ts";
import type { Cancel, Responder } from "../../../model/reply.ts";
import type { Ticked, Ticker } from "../../ticker.ts";
import { toWebHeaders } from "../../web-headers.ts";
import { type BodySource, StreamBody } from "../../web-stream-body.ts";
import { wholeBody } from "../../web-whole-body.ts";
import { bodyError, connectError } from "./fetch-errors.ts";
import type { FetchLink, FetchLinks } from "./fetch-links.ts";
import type { Attempt } from "./transport.ts";
import { type UploadProgress, uploadStream } from "./upload-stream.ts";

export interface FetchAttemptDeps {
  readonly links: FetchLinks;
  readonly protocol: "http2" | "http3" | undefined;
  readonly ticker: Ticker;
}

/** One `fetch`: the way there, its clocks, and the reply's body on the way back. */
export class FetchAttempt implements Cancel, Ticked, BodySource {
  tickSlot = -1;
  idleMs: number | null = null;
  readonly #attempt: Attempt;
  readonly #deps: FetchAttemptDeps;
  readonly #on: Responder;
  readonly #abort = new AbortController();
  #link: FetchLink | null = null;
  #upload: UploadProgress | null = null;
  #uploaded = 0;
  #address = 0;
  #expectsContinue = false;
  #deadline = 0;
  #body: StreamBody | null = null;
  #state: "waiting" | "replied" | "over" = "waiting";

  constructor(attempt: Attempt, deps: FetchAttemptDeps, on: Responder) {
    this.#attempt = attempt;
    this.#deps = deps;
    this.#on = on;
  }

  start(): void {
    const { endpoint, addresses, target } = this.#attempt;
    const link = this.#deps.links.to(endpoint, addresses[this.#address] ?? endpoint.host);
    this.#link = link;
    const { connectMs, firstByteMs } = this.#attempt.timeouts;
    // `fetch` does not tell connecting from waiting: both together have as long as both may take.
    this.#deadline = this.#deps.ticker.now + connectMs + firstByteMs;
    this.#deps.ticker.add(this);
    link.session.fetch(link.origin + target, this.#init()).then(
      (response) => this.#onHead(response),
      (cause: unknown) => this.#onError(cause),
    );
  }

  cancel(why: GatewayError): void {
    if (this.#state === "waiting") this.#fail(why);
    else this.#body?.cancel(why);
  }

  onTick(now: number): void {
    const upload = this.#upload;
    if (upload !== null && upload.chunks !== this.#uploaded) {
      // The clock of the reply's head runs from the request's end, or from when the upstream stopped taking it.
      this.#uploaded = upload.chunks;
      this.#deadline = now + this.#attempt.timeouts.connectMs + this.#attempt.timeouts.firstByteMs;
    } else if (now >= this.#deadline) {
      this.#fail(new GatewayError("upstream_timeout", `${this.#where()}: no reply in time`));
    }
  }

  #init(): BunFetchRequestInit {
    const { method, headers, authority } = this.#attempt;
    const body = bodyOf(this.#attempt);
    if (headers.first("host") !== authority) headers.replace("Host", authority);
    // `fetch` never tells of a 100, so nobody but we can give it: when the body is first wanted.
    if (headers.indexOf("expect") >= 0) {
      this.#expectsContinue = true;
      headers.remove("expect");
    }
    if (body === null) headers.remove("content-length");
    const fields = toWebHeaders(headers, null);
    // Without it `fetch` says `Bun/1.4.5`, which is neither the client's name nor ours.
    if (headers.indexOf("user-agent") < 0) addField(fields, "User-Agent", "");
    const init: BunFetchRequestInit = {
      method,
      headers: fields,
      signal: this.#abort.signal,
      redirect: "manual",
      decompress: false,
      proxy: false as unknown as string,
    };
    if (this.#deps.protocol !== undefined) init.protocol = this.#deps.protocol;
    if (body === null) return init;
    this.#upload = { chunks: 0, isOver: false };
    // An explicit Content-Length is kept with a stream; without one it is sent chunked.
    if (body.length !== null && headers.indexOf("content-length") < 0)
      addField(fields, "Content-Length", String(body.length));
    init.body = uploadStream(body, this.#upload, this.#expectsContinue ? () => this.#continue() : null);
    return init;
  }

  #continue(): void {
    if (this.#state === "waiting") this.#on.informational(100, new HeaderMap());
  }

  #onHead(response: Response): void {
    if (this.#state !== "waiting") return;
    this.#state = "replied";
    this.#deps.ticker.remove(this);
    const headers = new HeaderMap();
    const length = copyHeaders(response.headers, headers);
    const status = response.status;
    const isEmpty = length === 0 || status === 204 || status === 304 || this.#attempt.method === "HEAD";
    if (!isEmpty) this.#body = this.#replyBody(response, headers, length);
    else this.#state = "over";
    this.#on.reply({ status, reason: response.statusText, headers, body: this.#body });
  }

  #onError(cause: unknown): void {
    if (this.#state !== "waiting") return;
    const error = connectError(cause, this.#where());
    const mayTryNext = error.retry === "safe" && this.#address + 1 < this.#attempt.addresses.length;
    if (!mayTryNext || this.#attempt.body?.used === true) return this.#fail(error);
    this.#address++;
    this.start();
  }

  #replyBody(response: Response, headers: HeaderMap, length: number | null): StreamBody {
    const type = headers.first("content-type");
    const isEventStream = type !== null && type.startsWith("text/event-stream");
    this.idleMs = isEventStream ? this.#attempt.streamIdleMs : this.#attempt.timeouts.idleMs;
    const whole = length === null ? null : wholeBody(response, length);
    if (!(whole instanceof Uint8Array))
      return new StreamBody(whole === null ? response : { body: whole }, length, this);
    // Nothing is left to watch or to stop.
    this.#state = "over";
    return new StreamBody(response, length, this, whole);
  }

  // ---- what the reply's body asks ----

  get ticker(): Ticker {
    return this.#deps.ticker;
  }

  idleError(): GatewayError {
    return new GatewayError("upstream_timeout", `${this.#where()}: the reply stopped coming`);
  }

  readError(cause: unknown): GatewayError {
    return bodyError(cause, this.#where());
  }

  bodyOver(error?: GatewayError): void {
    this.#state = "over";
    if (error !== undefined) this.#abort.abort(error);
  }

  #fail(error: GatewayError): void {
    this.#state = "over";
    this.#deps.ticker.remove(this);
    this.#abort.abort(error);
    this.#on.failed(error);
  }

  #where(): string {
    return `${this.#attempt.endpoint.id} (${this.#link?.address ?? ""})`;
  }
}

function copyHeaders(from: Headers, to: HeaderMap): number | null {
  const names = to.rawNames;
  const values = to.rawValues;
  let length: number | null = null;
  let isChunked = false;
  from.forEach((value, name) => {
    if (name === "transfer-encoding") {
      isChunked = true;
      return;
    }
    if (name === "content-length") length = Number(value);
    names.push(name);
    values.push(value);
  });
  if (!isChunked) return length;
  // Transfer-Encoding decides, and the Content-Length beside it goes (RFC 9112 §6.3).
  to.remove("content-length");
  return null;
}

function addField(fields: Record<string, string> | [string, string][], name: string, value: string): void {
  if (Array.isArray(fields)) fields.push([name, value]);
  else fields[name] = value;
}

/** The body that goes up: `Content-Length: 0` on a GET says what its absence says (RFC 9112 §6.3), and `fetch` refuses any. */
export function bodyOf({ method, body }: Attempt): Body | null {
  return body !== null && body.length === 0 && (method === "GET" || method === "HEAD") ? null : body;
}
