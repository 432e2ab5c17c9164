import type { Body } from "../../model/body.ts";
import type { Exchange } from "../../model/exchange.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import type { Duplex, Reply, Responder } from "../../model/reply.ts";
import type { Ticked, Ticker } from "../ticker.ts";
import { toWebHeaders } from "../web-headers.ts";
import { ReplyStream } from "./reply-stream.ts";
import { type RelayWatch, WebSocketRelay } from "./serve-websocket.ts";
import { StreamBody } from "../web-stream-body.ts";

/** What a responder needs of its listener. */
export interface ResponderHost {
  /** The connection is between two requests again. */
  settled(request: Request): void;
  /** Turns the request into a WebSocket that relays to `upstream`; false when Bun refuses. */
  upgrade(request: Request, reply: Reply, relay: WebSocketRelay): boolean;
  readonly ticker: Ticker;
  /** How long a WebSocket may be quiet, and who watches. */
  readonly tunnelWatch: RelayWatch;
  failureReply(error: GatewayError, exchange: Exchange): Reply;
  ended(exchange: Exchange, error?: GatewayError): void;
}

type Answer = Response | undefined;

/** The outcome of one exchange on its way into Bun's `fetch` handler. */
export class ServeResponder implements Responder, Ticked {
  tickSlot = -1;
  readonly #host: ResponderHost;
  readonly #request: Request;
  readonly #exchange: Exchange;
  /** As it came: the gateway may wrap it to limit it, and only this one counts. */
  readonly #requestBody: Body | null;
  #reply: Reply | null = null;
  #answer: Answer = undefined;
  #isAnswered = false;
  #resolve: ((answer: Answer) => void) | null = null;
  #over = false;

  constructor(host: ResponderHost, request: Request, exchange: Exchange) {
    this.#host = host;
    this.#request = request;
    this.#exchange = exchange;
    this.#requestBody = exchange.requestBody;
  }

  /** To be called once, after the exchange was handed over: the answer itself when it is there already. */
  answer(): Answer | Promise<Answer> {
    // Most exchanges are over before the next tick: they never ask Bun for the signal, which costs a microsecond.
    if (!this.#over && !this.#isAnswered) this.#host.ticker.add(this);
    if (this.#isAnswered) return this.#answer;
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  onTick(): void {
    this.#watchClient();
  }

  #watchClient(): void {
    this.#host.ticker.remove(this);
    const { signal } = this.#request;
    if (signal.aborted) this.handleEvent();
    else signal.addEventListener("abort", this);
  }

  /** The client's connection closed. */
  handleEvent(): void {
    if (this.#over) return;
    const why = new GatewayError("client_closed");
    this.#exchange.running?.cancel(why);
    this.#reply?.body?.cancel(why);
    this.#finish(why);
    if (!this.#isAnswered) this.#respond(nobodyListens());
  }

  informational(): void {
    // Bun.serve cannot send 1xx (docs/edges.md).
  }

  reply(reply: Reply): void {
    // Response takes nothing else; fetch lets other numbers through.
    if (reply.status < 200 || reply.status > 599) {
      reply.body?.cancel(new GatewayError("upstream_bad_response"));
      return this.failed(new GatewayError("upstream_bad_response", `status ${reply.status}`));
    }
    this.#reply = reply;
    const body = bodyOf(reply);
    if (body === null) return this.#answerWithoutBody(reply);
    // Bun adds a Content-Type to bytes that have none; a stream that ends at once keeps its Content-Length just as well.
    const isTyped = reply.headers.indexOf("content-type") >= 0;
    if (isTyped && body instanceof StreamBody) {
      const whole = body.atOnce();
      if (whole !== null) return this.#answerWhole(reply, whole);
    }
    const stream = new ReplyStream();
    body.pipeTo(stream, (error) => {
      this.#exchange.replyBytes = stream.bytes;
      this.#finish(error);
    });
    // Bytes that go out one by one need to know at once that nobody takes them.
    if (!this.#over) this.#watchClient();
    this.#respond(respond(reply, (isTyped ? stream.complete : null) ?? stream.toStream()));
  }

  #answerWhole(reply: Reply, bytes: Uint8Array<ArrayBuffer>): void {
    this.#exchange.replyBytes = bytes.byteLength;
    this.#finish();
    this.#respond(respond(reply, bytes));
  }

  /** A reply that the gateway has not seen. */
  replyLocally(reply: Reply): void {
    this.#exchange.status = reply.status;
    if (this.#exchange.received.method === "HEAD") reply.body = null;
    this.reply(reply);
  }

  tunnel(reply: Reply, upstream: Duplex): void {
    // From here on the relay hears how the connection ends, close code included; the signal would come first and knows none.
    this.#host.ticker.remove(this);
    this.#request.signal.removeEventListener("abort", this);
    if (upstream.kind === "bytes") {
      upstream.close(new GatewayError("internal"));
      return this.failed(new GatewayError("internal", "this edge relays messages, not bytes"));
    }
    const relay = new WebSocketRelay(upstream, this.#host.tunnelWatch, (error) => this.#finish(error));
    if (this.#host.upgrade(this.#request, reply, relay)) {
      this.#exchange.running = relay;
      return this.#respond(undefined);
    }
    upstream.close(1001, "");
    this.failed(new GatewayError("bad_request", "the WebSocket handshake is not valid"));
  }

  failed(error: GatewayError): void {
    if (this.#over) return;
    if (error.kind === "client_closed") {
      this.#finish(error);
      return this.#respond(nobodyListens());
    }
    this.reply(this.#host.failureReply(error, this.#exchange));
  }

  #answerWithoutBody(reply: Reply): void {
    this.#finish();
    // A HEAD reply of unknown length must not claim to be empty: as a stream it says what GET would have been, chunked.
    const isUnknown = this.#exchange.received.method === "HEAD" && reply.headers.indexOf("content-length") < 0;
    this.#respond(respond(reply, isUnknown ? new ReadableStream() : null));
  }

  #respond(answer: Answer): void {
    this.#isAnswered = true;
    if (this.#resolve === null) this.#answer = answer;
    else this.#resolve(answer);
  }

  #finish(error?: GatewayError): void {
    if (this.#over) return;
    this.#over = true;
    this.#host.ticker.remove(this);
    this.#endRequestBody();
    this.#host.settled(this.#request);
    this.#host.ended(this.#exchange, error);
  }

  // A reply that came before the request's end stops the upload: nobody reads it any more.
  #endRequestBody(): void {
    const body = this.#requestBody;
    if (body === null) return;
    body.cancel(new GatewayError("client_closed", "the reply ended before the request"));
    if (body instanceof StreamBody) this.#exchange.requestBytes = body.received;
  }
}

// These statuses have no body (RFC 9110 §6.4.1), whatever a plugin gives them; Response would throw.
function bodyOf(reply: Reply): Body | null {
  if (reply.status !== 204 && reply.status !== 304) return reply.body;
  reply.body?.cancel(new GatewayError("internal", `a ${reply.status} reply has no body`));
  return null;
}

function nobodyListens(): Response {
  return new Response(null, { status: 499 });
}

function respond(reply: Reply, body: Uint8Array<ArrayBuffer> | ReadableStream | null): Response {
  const headers = toWebHeaders(reply.headers, null);
  // The reason phrase would be ignored: Bun writes its own.
  return new Response(body, { status: reply.status, headers });
}
