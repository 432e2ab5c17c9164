import type { Exchange } from "../model/exchange.ts";
import { GatewayError } from "../model/gateway-error.ts";
import type { Clock, Telemetry } from "../model/ports.ts";
import type { Reply, Responder } from "../model/reply.ts";
import type { DownstreamTimeoutsSpec, LimitsSpec } from "../model/snapshot-spec.ts";
import { clientAddress } from "./client-address.ts";
import { failureReply } from "./failure-reply.ts";
import { Forward, type ForwardHost } from "./forwarding/forward.ts";
import { LimitedBody, tooLarge } from "./forwarding/limited-body.ts";
import { isLooping } from "./forwarding/request-headers.ts";
import { addReplyHeaders } from "./forwarding/response-headers.ts";
import type { Door } from "./listener/listener.ts";
import { redirectReply, respondReply } from "./local-replies.ts";
import { RequestIds } from "./request-id.ts";
import type { ForwardAction, Route } from "./routing/route.ts";
import { AMBIGUOUS } from "./routing/route-matcher.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Endpoint } from "./upstream/endpoint.ts";

export interface GatewayDeps {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/**
 * The way of a request, top to bottom: route → (pipeline) → forward → reply → log. Every listener hands its exchanges to the
 * same gateway; the snapshot is read once, at the door.
 */
export class Gateway implements Door {
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #ids = new RequestIds();
  #snapshot: Snapshot;
  #ready = true;

  constructor(snapshot: Snapshot, deps: GatewayDeps) {
    this.#snapshot = snapshot;
    this.#clock = deps.clock;
    this.#telemetry = deps.telemetry;
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** The swap: requests that are under way keep the snapshot they began with. */
  serve(snapshot: Snapshot): Snapshot {
    const old = this.#snapshot;
    this.#snapshot = snapshot;
    return old;
  }

  /** Readiness fails first: a balancer in front stops sending before we stop accepting. */
  leave(): void {
    this.#ready = false;
  }

  get ready(): boolean {
    return this.#ready;
  }

  handle(exchange: Exchange, on: Responder): void {
    const snapshot = this.#snapshot;
    const way = new Way(snapshot, on, this.#telemetry);
    try {
      const refused = refusal(exchange);
      if (refused !== null) return way.fail(exchange, refused);
      const route = snapshot.matcher.match(exchange);
      if (route === AMBIGUOUS) return way.fail(exchange, ambiguous());
      if (route === null) return way.fail(exchange, new GatewayError("no_route"));
      exchange.route = route;
      if (route.spec.auth === "closed") return way.fail(exchange, new GatewayError("unauthorized"));
      this.#act(way, route, exchange);
    } catch (cause) {
      this.#telemetry.event({ type: "internal", where: "gateway", error: cause });
      // Once a reply's head is out there is nothing to answer with: cut it short instead.
      const error = new GatewayError("internal", String(cause), { cause });
      if (exchange.status === 0) way.fail(exchange, error);
      else exchange.running?.cancel(error);
    }
  }

  #act(way: Way, route: Route, exchange: Exchange): void {
    const action = route.action;
    if (action.kind === "respond") return way.answer(exchange, respondReply(action));
    if (action.kind === "redirect") return way.answer(exchange, redirectReply(action, exchange));
    this.#forward(way, action, exchange);
  }

  #forward(way: Way, action: ForwardAction, exchange: Exchange): void {
    const limit = action.route.maxBodyBytes ?? way.snapshot.spec.limits.maxBodyBytes;
    const body = exchange.requestBody;
    if (limit !== null && body !== null) {
      if (body.length === null) {
        exchange.requestBody = new LimitedBody(body, limit, (why) => exchange.running?.cancel(why));
      } else if (body.length > limit) {
        return way.fail(exchange, tooLarge());
      }
    }
    new Forward(way, exchange, action, way.on).try();
  }

  ended(exchange: Exchange, error?: GatewayError): void {
    exchange.endedAt = this.#clock.now();
    if (error !== undefined && exchange.failure === null) {
      exchange.failure = error;
      exchange.code = error.kind;
    }
    exchange.holding?.release();
    exchange.running = null;
    exchange.holding = null;
    if (!exchange.quiet) this.#telemetry.exchangeEnded(exchange);
  }

  refuse(error: GatewayError, listener: string, peerAddress: string): Reply {
    this.#telemetry.event({
      type: "request.refused",
      listener,
      peer: peerAddress,
      code: error.kind,
      detail: error.detail,
    });
    const id = this.#ids.next();
    const reply = failureReply(error, id);
    reply.headers.push("X-Request-Id", id);
    return reply;
  }

  failureReply(error: GatewayError, exchange: Exchange): Reply {
    return failureReply(error, exchange.id);
  }

  isTrustedPeer(address: string): boolean {
    return this.#snapshot.trusted.has(address);
  }

  clientIp(exchange: Exchange): string {
    if (!exchange.peer.trusted) return exchange.peer.address;
    const chain = exchange.received.headers.getAll("x-forwarded-for");
    return clientAddress(exchange.peer.address, chain, this.#snapshot.trusted);
  }

  requestId(exchange: Exchange): string {
    return this.#ids.idOf(exchange);
  }

  get limits(): LimitsSpec {
    return this.#snapshot.spec.limits;
  }

  get timeouts(): DownstreamTimeoutsSpec {
    return this.#snapshot.spec.timeouts;
  }
}

/** What one exchange needs to be answered: the snapshot it began with and who waits for the reply. */
class Way implements ForwardHost {
  readonly snapshot: Snapshot;
  readonly on: Responder;
  readonly #telemetry: Telemetry;

  constructor(snapshot: Snapshot, on: Responder, telemetry: Telemetry) {
    this.snapshot = snapshot;
    this.on = on;
    this.#telemetry = telemetry;
  }

  answer(exchange: Exchange, reply: Reply): void {
    exchange.status = reply.status;
    addReplyHeaders(reply.headers, exchange, this.snapshot.spec.replyHeaders);
    if (exchange.source !== "upstream" && exchange.received.method === "HEAD") reply.body = null;
    this.on.reply(reply);
  }

  fail(exchange: Exchange, error: GatewayError): void {
    exchange.failure = error;
    exchange.code = error.kind;
    exchange.source = "sluice";
    if (error.kind === "client_closed") {
      exchange.status = 499;
      return this.on.failed(error);
    }
    this.answer(exchange, failureReply(error, exchange.id));
  }

  attemptFailed(endpoint: Endpoint, error: GatewayError): void {
    const { upstream, id } = endpoint;
    this.#telemetry.event({ type: "upstream.failure", upstream, endpoint: id, code: error.kind, detail: error.detail });
  }
}

function refusal(exchange: Exchange): GatewayError | null {
  const { method, headers } = exchange.received;
  if (method === "CONNECT") return new GatewayError("method_not_supported");
  return isLooping(headers) ? new GatewayError("loop_detected") : null;
}

function ambiguous(): GatewayError {
  const publicDetail = "the path can be read in ways that lead to different routes";
  return new GatewayError("bad_request", publicDetail, { publicDetail });
}
