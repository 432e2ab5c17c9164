import { BytesBody } from "../model/body.ts";
import { GatewayError } from "../model/gateway-error.ts";
import type { Cancel, Responder } from "../model/reply.ts";
import { replyOf } from "../proxy/pipeline/answer.ts";
import type { Ticker } from "../proxy/ticker.ts";
import type { Attempt, Transport } from "../proxy/upstream/transport/transport.ts";

/** What an upstream was asked. */
export interface UpstreamRequest {
  /** Name of the upstream. */
  readonly upstream: string;
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
  text(): string;
  json(): unknown;
}

export type UpstreamAnswer = (request: Request) => Response | Promise<Response>;

/** An upstream that is a function. What it throws is a connection that broke. */
export class TestTransport implements Transport {
  readonly requests: UpstreamRequest[] = [];
  readonly #answer: UpstreamAnswer;
  readonly #ticker: Ticker;

  constructor(answer: UpstreamAnswer, ticker: Ticker) {
    this.#answer = answer;
    this.#ticker = ticker;
  }

  send(attempt: Attempt, on: Responder): Cancel {
    let over: GatewayError | null = null;
    const cancel = (why: GatewayError) => {
      if (over !== null) return;
      over = why;
      on.failed(why);
    };
    this.#ask(attempt).then(
      (reply) => {
        if (over !== null) return;
        over = new GatewayError("client_closed");
        on.reply(reply);
      },
      (cause: unknown) =>
        cancel(cause instanceof GatewayError ? cause : new GatewayError("upstream_reset", String(cause))),
    );
    return { cancel };
  }

  retire(): void {}

  async #ask(attempt: Attempt) {
    const { method, target, authority, endpoint } = attempt;
    const headers = new Headers();
    attempt.headers.forEach((value, name) => headers.append(name, value));
    const body = attempt.body === null ? new Uint8Array(0) : await attempt.body.bytes(Number.POSITIVE_INFINITY);
    const text = () => new TextDecoder().decode(body);
    const asked = { upstream: endpoint.upstream, method, target, host: authority, headers, body, text };
    this.requests.push({ ...asked, json: () => JSON.parse(text()) as unknown });
    const carries = method !== "GET" && method !== "HEAD" && attempt.body !== null;
    const request = new Request(`http://${authority === "" ? "localhost" : authority}${target}`, {
      method,
      headers,
      body: carries ? (body as Uint8Array<ArrayBuffer>) : null,
    });
    const reply = await replyOf(await this.#answer(request), this.#ticker);
    if (reply.body !== null && method === "HEAD") return { ...reply, body: null };
    return reply.body instanceof BytesBody
      ? { ...reply, body: new BytesBody(await reply.body.bytes(Infinity)) }
      : reply;
  }
}
