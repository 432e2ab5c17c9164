import type { Exchange, Release } from "../../model/exchange.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import type { HeaderMap } from "../../model/header-map.ts";
import type { Cancel, Duplex, Reply, Responder } from "../../model/reply.ts";
import type { RouteSpec } from "../../model/snapshot-spec.ts";
import type { ForwardAction } from "../routing/route.ts";
import { rewriteTarget } from "../routing/rewrite.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Halt } from "../pipeline/attempt-hooks.ts";
import { forwardedAuthority } from "./authority.ts";
import { requestHeaders } from "./request-headers.ts";
import { cleanReplyHeaders } from "./response-headers.ts";
import { mayRetry } from "./retry-policy.ts";
import { Deadlines, type TimedForward } from "./deadlines.ts";
import type { ForwardHost } from "./forward-host.ts";
import { outgoingOf } from "./outgoing-head.ts";
import { Try } from "./try.ts";

/**
 * The attempts of one exchange: pick, send, then retry or return. It is what the transport reports to, what a vanishing
 * client cancels, and what gives the endpoint its place back when the exchange is over.
 */
export class Forward implements Responder, Cancel, Release, TimedForward {
  readonly #host: ForwardHost;
  readonly #exchange: Exchange;
  readonly #on: Responder;
  readonly #route: RouteSpec;
  readonly #action: ForwardAction;
  #upstream: Upstream;
  #endpoint: Endpoint | null = null;
  #tried: Endpoint[] | null = null;
  #try: Try | null = null;
  #sentAt = 0;
  #deadlines: Deadlines | null = null;
  #state: "trying" | "replied" | "over" = "trying";

  constructor(host: ForwardHost, exchange: Exchange, action: ForwardAction, on: Responder) {
    this.#host = host;
    this.#exchange = exchange;
    this.#on = on;
    this.#route = action.route;
    this.#action = action;
    // A hook may have chosen already.
    this.#upstream =
      (exchange.upstream === null ? action.only : host.snapshot.upstreams.get(exchange.upstream)) ??
      host.snapshot.splitTarget(action, exchange);
    exchange.upstream = this.#upstream.name;
    exchange.running = this;
    exchange.holding = this;
    this.#arm();
  }

  /** One attempt: upstream hooks, then a pick and all that follows; synchronous unless a hook or a name makes it wait. */
  try(): void {
    const { hooks } = this.#host;
    if (hooks === null || !hooks.hasUpstreamHooks) return this.#pick();
    this.#unless(hooks.beforePick(this.#exchange.attempts + 1), () => {
      this.#upstream = this.#host.snapshot.upstreams.get(this.#exchange.upstream!)!;
      this.#pick();
    });
  }

  #pick(): void {
    const exchange = this.#exchange;
    const endpoint = this.#upstream.pick(exchange, this.#tried);
    if (endpoint === null) return this.#finish(this.#noEndpoint());
    this.#endpoint = endpoint;
    endpoint.inFlight++;
    exchange.endpoint = endpoint.id;
    exchange.attempts++;
    const addresses = this.#host.snapshot.guard.check(endpoint);
    if (addresses instanceof Promise) {
      void addresses.then((found) => this.#dial(endpoint, found));
    } else {
      this.#dial(endpoint, addresses);
    }
  }

  #dial(endpoint: Endpoint, addresses: readonly string[] | GatewayError): void {
    if (this.#state === "over") return;
    if (addresses instanceof GatewayError) return this.failed(addresses);
    const exchange = this.#exchange;
    const { clock, spec } = this.#host.snapshot;
    const { retries, timeouts } = this.#upstream.spec;
    const authority = forwardedAuthority(exchange, endpoint, this.#action.spec.preserveHost);
    // Only who learns from it, or limits it, pays for reading the clock.
    if (retries.perTryMs !== null || this.#upstream.balancer.observe !== undefined) this.#sentAt = clock.now();
    if (retries.perTryMs !== null) this.#deadlines!.tryUntil(this.#sentAt + retries.perTryMs);
    const attempt = new Try(this, exchange, endpoint, timeouts);
    attempt.addresses = addresses;
    attempt.target = this.#target(endpoint);
    attempt.authority = authority;
    attempt.headers = requestHeaders(exchange, authority);
    attempt.streamIdleMs = spec.timeouts.streamIdleMs;
    const { hooks } = this.#host;
    if (hooks === null || !hooks.hasSendHooks) return this.#send(attempt);
    this.#unless(hooks.beforeSend(exchange.attempts, outgoingOf(attempt)), () => this.#send(attempt));
  }

  #send(attempt: Try): void {
    this.#try = attempt;
    attempt.started(this.#upstream.transportFor(this.#exchange).send(attempt, attempt));
  }

  /** Goes on to `next` unless hooks, now or later, end the exchange, or the client does meanwhile. */
  #unless(halt: Halt | null | Promise<Halt | null>, next: () => void): void {
    if (halt instanceof Promise) {
      halt.then((later) => this.#unless(later, next)).catch((cause: unknown) => this.#host.crashed(cause));
      return;
    }
    if (this.#state === "over") return;
    if (halt === null) return next();
    this.#state = "over";
    this.#giveBack();
    this.#deadlines?.stop();
    this.#host.halt(this.#exchange, halt);
  }

  #target(endpoint: Endpoint): string {
    const action = this.#action;
    if (action.rewrites) return rewriteTarget(this.#exchange, action.spec, this.#route.match.path, endpoint.basePath);
    const { target } = this.#exchange.outgoing;
    // `OPTIONS *` is about the server, wherever its paths begin.
    return endpoint.basePath === "" || target === "*" ? target : endpoint.basePath + target;
  }

  // ---- what the transport says ----

  informational(status: number, headers: HeaderMap): void {
    if (this.#state === "trying") this.#on.informational(status, headers);
  }

  reply(reply: Reply): void {
    if (!this.#takeHead()) return;
    cleanReplyHeaders(reply.headers);
    this.#exchange.source = "upstream";
    const cookie = this.#upstream.sticky?.cookieFor(this.#endpoint!, this.#exchange) ?? null;
    if (cookie !== null) reply.headers.push("Set-Cookie", cookie);
    this.#host.answer(this.#exchange, reply);
  }

  tunnel(reply: Reply, upstream: Duplex): void {
    if (!this.#takeHead())
      return upstream.kind === "bytes" ? upstream.close(new GatewayError("client_closed")) : upstream.close(1001, "");
    cleanReplyHeaders(reply.headers);
    this.#exchange.source = "upstream";
    this.#exchange.status = 101;
    // A tunnel is long by nature: only its own idle time ends it.
    this.#deadlines?.stop();
    this.#host.tunnel(this.#exchange, reply, upstream);
  }

  failed(error: GatewayError): void {
    if (this.#state !== "trying") return;
    const endpoint = this.#giveBack();
    this.#try = null;
    if (endpoint !== null && error.side === "upstream") this.#host.attemptFailed(endpoint, error);
    const exchange = this.#exchange;
    const failed = { error, method: exchange.outgoing.method, body: exchange.requestBody, attempts: exchange.attempts };
    if (
      endpoint === null ||
      !mayRetry(failed, this.#upstream.spec.retries) ||
      this.#deadlines?.isLate(this.#host.snapshot.clock.now()) === true
    ) {
      return this.#finish(error);
    }
    (this.#tried ??= []).push(endpoint);
    if (!this.#findAnother()) return this.#finish(error);
    this.try();
  }

  // ---- what the client and the clock say ----

  cancel(why: GatewayError): void {
    if (this.#state === "over") return;
    if (this.#state === "replied") return this.#try?.interrupt(why);
    this.#try?.abandon(why);
    this.#giveBack();
    this.#finish(why);
  }

  release(): void {
    this.#state = "over";
    this.#giveBack();
    this.#deadlines?.stop();
  }

  get headArrived(): boolean {
    return this.#state !== "trying";
  }

  outOfTime(why: GatewayError): void {
    this.cancel(why);
  }

  attemptOutOfTime(why: GatewayError): void {
    this.#try?.abandon(why);
    this.failed(why);
  }

  /** Another endpoint each time; once around, where retries are asked for, the first ones may try again. */
  #findAnother(): boolean {
    if (this.#upstream.pick(this.#exchange, this.#tried) !== null) return true;
    if (this.#upstream.spec.retries.on === "safe") return false;
    this.#tried = null;
    return this.#upstream.available.length > 0;
  }

  #arm(): void {
    const total = this.#route.totalMs ?? this.#upstream.spec.timeouts.totalMs;
    const head = this.#route.timeoutMs;
    if (total === null && head === null && this.#upstream.spec.retries.perTryMs === null) return;
    const start = this.#exchange.startedAt;
    const never = Number.POSITIVE_INFINITY;
    const at = { head: head === null ? never : start + head, total: total === null ? never : start + total };
    this.#deadlines = new Deadlines(this, this.#host.snapshot.ticker, at);
  }

  #takeHead(): boolean {
    if (this.#state !== "trying") return false;
    this.#state = "replied";
    const now = this.#host.snapshot.clock.now();
    this.#exchange.headAt = now;
    this.#upstream.balancer.observe?.(this.#endpoint!, now - this.#sentAt, now);
    return true;
  }

  #giveBack(): Endpoint | null {
    const endpoint = this.#endpoint;
    if (endpoint !== null) endpoint.inFlight--;
    this.#endpoint = null;
    return endpoint;
  }

  #finish(error: GatewayError): void {
    this.#state = "over";
    this.#deadlines?.stop();
    this.#host.fail(this.#exchange, error);
  }

  #noEndpoint(): GatewayError {
    const full = this.#upstream.available.length > 0;
    const detail = full
      ? `every endpoint of ${this.#upstream.name} is full`
      : `no endpoint of ${this.#upstream.name} is available`;
    return new GatewayError(full ? "overloaded" : "no_healthy_endpoint", detail);
  }
}
