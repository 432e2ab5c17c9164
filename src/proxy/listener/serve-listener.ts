import { Exchange } from "../../model/exchange.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import type { Reply } from "../../model/reply.ts";
import type { ListenerSpec } from "../../model/snapshot-spec.ts";
import type { Ticker } from "../ticker.ts";
import { toWebHeaders } from "../web-headers.ts";
import type { Listener, ListenerContext } from "./listener.ts";
import { BusyConnections } from "./busy-connections.ts";
import { localReply } from "./local-reply.ts";
import { readRequest, type RequestSource } from "./serve-request.ts";
import { ServeResponder, type ResponderHost } from "./serve-responder.ts";
import { serveTls } from "./serve-tls.ts";
import {
  type RelayData,
  type RelayWatch,
  upgradeHeaders,
  type WebSocketRelay,
  webSocketHandler,
} from "./serve-websocket.ts";

type Server = Bun.Server<RelayData>;
type Answer = Response | undefined | Promise<Response | undefined>;

/** Bun counts idle time in a byte of seconds. */
const MAX_IDLE_SECONDS = 255;

/**
 * Binds `spec`'s address on `Bun.serve`.
 * @throws what Bun throws, with its `code` (EADDRINUSE, EACCES), or an Error that says what the edge cannot do.
 */
export function openServeListener(spec: ListenerSpec, context: ListenerContext): Listener {
  if (spec.proxyProtocol) throw new Error(`listener ${spec.name}: proxyProtocol needs edge: wire`);
  if ((spec.http2 || spec.http3) && spec.tls.length === 0) {
    throw new Error(`listener ${spec.name}: http2 and http3 need tls`);
  }
  return new ServeListener(spec, context);
}

class ServeListener implements Listener, RequestSource, ResponderHost {
  readonly context: ListenerContext;
  readonly scheme: "http" | "https";
  #spec: ListenerSpec;
  #server: Server;
  /** Servers that a change of certificates replaced and whose connections have not ended yet. */
  readonly #retired = new Set<Server>();
  readonly #busy: BusyConnections;
  #open = 0;
  #leaving = false;
  #onEmpty: (() => void) | null = null;

  constructor(spec: ListenerSpec, context: ListenerContext) {
    this.#spec = spec;
    this.context = context;
    this.#busy = new BusyConnections(() => context.door.limits);
    this.scheme = spec.tls.length > 0 ? "https" : "http";
    this.#server = this.#bind(spec, spec.port);
  }

  get spec(): ListenerSpec {
    return this.#spec;
  }

  get listener(): string {
    return this.#spec.name;
  }

  get port(): number {
    return this.#server.port ?? this.#spec.port;
  }

  // Bun does not count connections; these are the ones that are in use.
  get connections(): number {
    return this.#server.pendingRequests + this.#server.pendingWebSockets;
  }

  update(spec: ListenerSpec): void {
    const old = this.#spec;
    this.#spec = spec;
    if (JSON.stringify(old.tls) === JSON.stringify(spec.tls)) return;
    // `server.reload` does not change certificates. A second server takes the port over before the first lets go of it.
    const before = this.#server;
    this.#server = this.#bind(spec, this.port);
    this.#retired.add(before);
    void before.stop(false).then(() => this.#retired.delete(before));
  }

  /** Bun closes idle connections itself, at once; so until patience ends it goes on, and tells clients to leave. */
  async drain(patienceMs: number): Promise<void> {
    this.#leaving = true;
    if (patienceMs > 0) await new Promise((resolve) => setTimeout(resolve, patienceMs));
    const stopping = [this.#server, ...this.#retired].map((server) => server.stop(false));
    if (this.#open > 0) {
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
    }
    await Promise.all(stopping);
  }

  stop(): void {
    for (const server of [this.#server, ...this.#retired]) void server.stop(true);
  }

  addressOf(request: Request): Bun.SocketAddress | null {
    return this.#server.requestIP(request);
  }

  // ---- the way of a request ----

  #fetch(request: Request, server: Server): Answer {
    const init = readRequest(request, this);
    if (init instanceof GatewayError) return this.#refuse(init, request, server);
    const tooMany = this.#busy.enter(init.peer);
    if (tooMany !== null) return this.#refuse(tooMany, request, server).then((reply) => this.#ending(reply));
    // A reply may take its time to start and a stream may be quiet: the exchange has clocks of its own.
    server.timeout(request, 0);
    const exchange = new Exchange(init);
    const responder = new ServeResponder(this, request, exchange);
    this.#open++;
    try {
      const local = localReply(exchange, this.#spec, this.context.door.ready);
      if (local === null) this.context.door.handle(exchange, responder);
      else responder.replyLocally(local);
    } catch (cause) {
      responder.failed(new GatewayError("internal", "the gateway threw", { cause }));
    }
    const answer = responder.answer();
    if (!this.#leaving || answer === undefined) return answer;
    return answer instanceof Promise ? answer.then((reply) => this.#ending(reply)) : this.#ending(answer);
  }

  settled(request: Request): void {
    this.#server.timeout(request, this.#idleSeconds());
  }

  failureReply(error: GatewayError, exchange: Exchange): Reply {
    return this.context.door.failureReply(error, exchange);
  }

  ended(exchange: Exchange, error?: GatewayError): void {
    this.context.door.ended(exchange, error);
    this.#busy.leave(exchange.peer);
    if (--this.#open === 0) this.#onEmpty?.();
  }

  get ticker(): Ticker {
    return this.context.fast;
  }

  get tunnelWatch(): RelayWatch {
    return { ticker: this.context.fast, idleMs: this.context.door.timeouts.streamIdleMs };
  }

  upgrade(request: Request, reply: Reply, relay: WebSocketRelay): boolean {
    return this.#server.upgrade(request, { headers: upgradeHeaders(reply.headers), data: { relay } });
  }

  async #refuse(error: GatewayError, request: Request, server: Server): Promise<Response> {
    const peer = server.requestIP(request)?.address ?? "";
    const reply = this.context.door.refuse(error, this.#spec.name, peer);
    const bytes = reply.body === null ? null : await reply.body.bytes(Number.POSITIVE_INFINITY);
    return new Response(bytes as Uint8Array<ArrayBuffer> | null, {
      status: reply.status,
      headers: toWebHeaders(reply.headers, null),
    });
  }

  /** The last reply of its connection, where the client can be told so: HTTP/2 and HTTP/3 have no such field. */
  #ending(response: Response | undefined): Response | undefined {
    if (!this.#spec.http2 && !this.#spec.http3) response?.headers.set("connection", "close");
    return response;
  }

  #idleSeconds(): number {
    return Math.min(MAX_IDLE_SECONDS, Math.max(1, Math.ceil(this.context.door.timeouts.keepAliveMs / 1000)));
  }

  #bind(spec: ListenerSpec, port: number): Server {
    return Bun.serve<RelayData>({
      hostname: spec.host,
      port,
      reusePort: this.context.reusePort,
      development: false,
      idleTimeout: this.#idleSeconds(),
      // The gateway limits bodies, by route.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      ...serveTls(spec),
      websocket: webSocketHandler,
      fetch: (request, server) => this.#fetch(request, server),
      // Reached when a reply's stream errs, which is our way to reset a connection; nothing can be answered any more.
      error: () => new Response(null, { status: 500 }),
    });
  }
}
