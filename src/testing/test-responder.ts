import type { GatewayError } from "../model/gateway-error.ts";
import type { HeaderMap } from "../model/header-map.ts";
import type { Duplex, Reply, Responder } from "../model/reply.ts";
import { bodyStream } from "../proxy/body-stream.ts";

/** Hands the outcome of one exchange to whoever made the request. */
export class TestResponder implements Responder {
  readonly response: Promise<Response>;
  readonly #ended: (error?: GatewayError) => void;
  #resolve!: (response: Response) => void;
  #reject!: (error: Error) => void;

  constructor(ended: (error?: GatewayError) => void) {
    this.#ended = ended;
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  informational(_status: number, _headers: HeaderMap): void {}

  reply(reply: Reply): void {
    const headers = new Headers();
    reply.headers.forEach((value, name) => headers.append(name, value));
    const { status, reason } = reply;
    const isEmpty = reply.body === null || [204, 304].includes(status);
    const body = isEmpty ? null : bodyStream(reply.body!, (error) => this.#ended(error));
    if (isEmpty) this.#ended();
    this.#resolve(new Response(body, { status, statusText: reason, headers }));
  }

  tunnel(_reply: Reply, upstream: Duplex): void {
    if (upstream.kind === "messages") upstream.close(1001, "");
    this.#reject(new Error("the test kit opens no tunnels"));
  }

  failed(error: GatewayError): void {
    this.#ended(error);
    this.#reject(new Error(`the exchange failed: ${error.kind} ${error.detail}`));
  }
}
