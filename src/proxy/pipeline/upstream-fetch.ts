import { BytesBody } from "../../model/body.ts";
import { Exchange, type ExchangeOrigins } from "../../model/exchange.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import { HeaderMap } from "../../model/header-map.ts";
import type { Reply, Responder } from "../../model/reply.ts";
import type { RouteSpec } from "../../model/snapshot-spec.ts";
import { bodyStream } from "../body-stream.ts";
import { Forward } from "../forwarding/forward.ts";
import type { ForwardHost } from "../forwarding/forward-host.ts";
import { isHopByHop } from "../forwarding/hop-by-hop.ts";
import type { ForwardAction } from "../routing/route.ts";
import type { Snapshot } from "../snapshot.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { toWebHeaders } from "../web-headers.ts";
import { StreamBody } from "../web-stream-body.ts";
import { pluginSource } from "./answer.ts";

let asked = 0;

const ORIGINS: ExchangeOrigins = {
  clientIp: () => "127.0.0.1",
  requestId: () => `plugin-${++asked}`,
};

/**
 * A request of a plugin's own to an upstream: its balancer, pool, retries and time limits, as any exchange has them, and no hooks.
 * Rejects with a TypeError that says what went wrong, as `fetch` does.
 *
 * @param address `upstream://name/path?query`
 */
export function fetchUpstream(snapshot: Snapshot, request: Request, address: string): Promise<Response> {
  const [, name = "", rest = ""] = /^upstream:\/\/([^/?]*)(.*)$/.exec(address) ?? [];
  const upstream = snapshot.upstreams.get(name);
  if (upstream === undefined) return Promise.reject(new TypeError(`there is no upstream "${name}" (${address})`));
  const target = rest.startsWith("/") ? rest : `/${rest}`;
  const exchange = exchangeOf(request, target, snapshot);
  return new Promise((resolve, reject) => {
    const why = () => new GatewayError("client_closed", "the plugin gave up");
    request.signal.addEventListener("abort", () => exchange.running?.cancel(why()), { once: true });
    const host = new Asker(snapshot, { resolve, reject });
    new Forward(host, exchange, actionFor(upstream), host.on).try();
  });
}

function exchangeOf(request: Request, target: string, snapshot: Snapshot): Exchange {
  const headers = new HeaderMap();
  for (const [name, value] of request.headers)
    if (name !== "content-length" && !isHopByHop(name)) headers.append(name, value);
  const body = request.body;
  const exchange = new Exchange({
    received: { method: request.method, target, authority: request.headers.get("host") ?? "", version: "1.1", headers },
    scheme: "http",
    host: "",
    peer: { address: "127.0.0.1", port: 0, trusted: true },
    listener: "",
    requestBody: body === null ? null : new StreamBody({ body }, null, pluginSource(snapshot.ticker)),
    upgrade: null,
    startedAt: snapshot.clock.now(),
    origins: ORIGINS,
    edge: "wire",
  });
  if (exchange.requestBody !== null && request.method === "GET")
    exchange.requestBody = new BytesBody(new Uint8Array(0));
  return exchange;
}

function actionFor(upstream: Upstream): ForwardAction {
  const spec = {
    kind: "forward",
    targets: [],
    splitBy: null,
    stripPath: null,
    rewritePath: null,
    preserveHost: null,
  } as const;
  const route = { id: "", timeoutMs: null, totalMs: null, match: { path: "/*" } } as unknown as RouteSpec;
  return { kind: "forward", route, spec: { ...spec, targets: [] }, only: upstream, targets: [], rewrites: false };
}

/** Takes what a forward comes to and makes a Response of it. */
class Asker implements ForwardHost {
  readonly snapshot: Snapshot;
  readonly hooks = null;
  readonly on: Responder;
  readonly #promise: { resolve(response: Response): void; reject(error: Error): void };

  constructor(snapshot: Snapshot, promise: { resolve(response: Response): void; reject(error: Error): void }) {
    this.snapshot = snapshot;
    this.#promise = promise;
    this.on = {
      informational: () => undefined,
      reply: () => undefined,
      tunnel: () => undefined,
      failed: (error) => this.#fail(error),
    };
  }

  // What plugins ask for themselves is nobody's request, and not counted as one.
  retried(): void {}

  attemptEnded(): void {}

  answer(exchange: Exchange, reply: Reply): void {
    const over = () => exchange.holding?.release();
    const { status, reason } = reply;
    const isEmpty = reply.body === null || status === 204 || status === 304 || exchange.received.method === "HEAD";
    if (isEmpty) over();
    const body = isEmpty ? null : bodyStream(reply.body!, over);
    const headers = toWebHeaders(reply.headers, null);
    this.#promise.resolve(new Response(body, { status, statusText: reason, headers }));
  }

  fail(exchange: Exchange, error: GatewayError): void {
    exchange.holding?.release();
    this.#fail(error);
  }

  tunnel(exchange: Exchange): void {
    this.fail(exchange, new GatewayError("upstream_bad_response", "an upgrade nobody asked for"));
  }

  halt(): void {}

  crashed(cause: unknown): void {
    this.#promise.reject(cause instanceof Error ? cause : new Error(String(cause)));
  }

  attemptFailed(): void {}

  budgetExhausted(): void {}

  #fail(error: GatewayError): void {
    this.#promise.reject(new TypeError(`${error.kind}: ${error.detail}`));
  }
}
