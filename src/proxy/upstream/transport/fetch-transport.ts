import { METHODS } from "node:http";
import { GatewayError } from "../../../model/gateway-error.ts";
import type { Clock } from "../../../model/ports.ts";
import type { Cancel, Responder } from "../../../model/reply.ts";
import type { UpstreamSpec } from "../../../model/snapshot-spec.ts";
import type { Ticker } from "../../ticker.ts";
import { bodyOf, FetchAttempt } from "./fetch-attempt.ts";
import { FetchLinks } from "./fetch-links.ts";
import { openWebSocket } from "./fetch-websocket.ts";
import type { Attempt, Transport } from "./transport.ts";

/** What WHATWG URLs read as `.`, `..` or a slash in a path (https://url.spec.whatwg.org/#double-dot-path-segment). */
const DOT_SEGMENT = /^[^?]*?(?:\\|\/(?:\.|%2e){1,2}(?:[/?]|$))/i;

/** `fetch` turns every other method into GET without a word. */
const METHODS_OF_FETCH: ReadonlySet<string> = new Set(METHODS);

/** An upstream reached with Bun's `fetch`: HTTP/1.1, and over TLS HTTP/2 or HTTP/3. */
export function createFetchTransport(spec: UpstreamSpec, deps: { clock: Clock; fast: Ticker }): Transport {
  return new FetchTransport(spec, deps.fast);
}

class FetchTransport implements Transport {
  readonly #links: FetchLinks;
  readonly #protocol: "http2" | "http3" | undefined;
  readonly #ticker: Ticker;

  constructor(spec: UpstreamSpec, ticker: Ticker) {
    this.#links = new FetchLinks(spec);
    this.#protocol = spec.protocol === "http1" ? undefined : spec.protocol;
    this.#ticker = ticker;
  }

  send(attempt: Attempt, on: Responder): Cancel {
    const refused = refusal(attempt);
    if (refused !== null) {
      on.failed(refused);
      return DONE;
    }
    if (attempt.upgrade === "websocket") return openWebSocket(attempt, this.#links, this.#ticker, on);
    const running = new FetchAttempt(
      attempt,
      { links: this.#links, protocol: this.#protocol, ticker: this.#ticker },
      on,
    );
    running.start();
    return running;
  }

  retire(): void {
    this.#links.retire();
  }
}

const DONE: Cancel = { cancel() {} };

/** What `fetch` would change instead of sending it. */
function refusal(attempt: Attempt): GatewayError | null {
  const { method, target } = attempt;
  if (!METHODS_OF_FETCH.has(method) || method === "CONNECT") return new GatewayError("method_not_supported", method);
  if (target.charCodeAt(0) !== 0x2f) return new GatewayError("method_not_supported", `${method} ${target}`);
  // `fetch` resolves dot segments, after the route was chosen and the endpoint's path put in front.
  if (attempt.exchange.edge === "wire" && DOT_SEGMENT.test(target)) {
    const publicDetail = "a path with dot segments or backslashes cannot be forwarded to this upstream";
    return new GatewayError("bad_request", publicDetail, { publicDetail });
  }
  if (bodyOf(attempt) === null || (method !== "GET" && method !== "HEAD")) return null;
  const publicDetail = `a ${method} request with a body cannot be forwarded to this upstream`;
  return new GatewayError("bad_request", publicDetail, { publicDetail });
}
