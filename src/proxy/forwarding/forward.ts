import { BytesBody } from "../../model/body.ts";
import type { Exchange, Release } from "../../model/exchange.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import type { HeaderMap } from "../../model/header-map.ts";
import type { Cancel, Duplex, Reply, Responder } from "../../model/reply.ts";
import type { RouteSpec } from "../../model/snapshot-spec.ts";
import type { Halt } from "../pipeline/attempt-hooks.ts";
import type { ForwardAction } from "../routing/route.ts";
import { rewriteTarget } from "../routing/rewrite.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import { retryDelayMs } from "../upstream/health/back-off.ts";
import { Verdict, type VerdictKind } from "../upstream/health/upstream-health.ts";
import { Attempts } from "./attempts.ts";
import { forwardedAuthority } from "./authority.ts";
import { type Deadlines, deadlinesOf, type TimedForward, timedOut } from "./deadlines.ts";
import type { ForwardHost } from "./forward-host.ts";
import { outgoingOf } from "./outgoing-head.ts";
import { pickEndpoint, verdictOf, verdictOfStatus } from "./pick-endpoint.ts";
import { keepForReplay } from "./replay-body.ts";
import { requestHeaders } from "./request-headers.ts";
import { cleanReplyHeaders } from "./response-headers.ts";
import { isIdempotent, mayRetryFailure, mayRetryReply, retryAfterOf } from "./retry-policy.ts";
import type { Try } from "./try.ts";

/**
 * The attempts of one exchange: pick, send, then retry or return. It is what a vanishing client cancels, and what gives the
 * endpoint its place back when the exchange is over.
 */
export class Forward extends Attempts implements Cancel, Release, TimedForward {
  readonly #on: Responder;
  readonly #route: RouteSpec;
  readonly #action: ForwardAction;
  #deadlines: Deadlines | null = null;
  #state: "trying" | "replied" | "over" = "trying";

  constructor(host: ForwardHost, exchange: Exchange, action: ForwardAction, on: Responder) {
    // A hook may have chosen already.
    const chosen = exchange.upstream === null ? action.only : host.snapshot.upstreams.get(exchange.upstream);
    super(host, exchange, chosen ?? host.snapshot.splitTarget(action, exchange));
    this.#on = on;
    this.#route = action.route;
    this.#action = action;
    exchange.upstream = this.upstream.name;
    exchange.running = this;
    exchange.holding = this;
    if (exchange.requestBody !== null) keepForReplay(exchange, this.upstream.spec.retries);
    this.#deadlines = deadlinesOf(this, {
      exchange,
      route: action.route,
      upstream: this.upstream,
      ticker: host.snapshot.ticker,
    });
  }

  /** One attempt: upstream hooks, then a pick and all that follows; synchronous unless a hook or a name makes it wait. */
  try(): void {
    const { hooks } = this.host;
    if (hooks === null || !hooks.hasUpstreamHooks) return this.#pick();
    this.#unless(hooks.beforePick(this.exchange.attempts + 1), () => {
      this.upstream = this.host.snapshot.upstreams.get(this.exchange.upstream!)!;
      this.#pick();
    });
  }

  #pick(): void {
    const { clock, ticker } = this.host.snapshot;
    const { health, spec } = this.upstream;
    const isFirst = this.exchange.attempts === 0 && this.tried === null;
    const now = this.upstream.isTimed ? clock.now() : 0;
    this.startOverWhenAllAreTried();
    const endpoint = pickEndpoint(this.upstream, this.exchange, this.tried, now);
    if (endpoint instanceof GatewayError) return this.#finish(endpoint);
    if (isFirst) health.budget.requested(ticker.now);
    this.current = this.begin(endpoint, now);
    if (isFirst && spec.retries.hedgeAfterMs !== null) this.#hedgeAfter(spec.retries.hedgeAfterMs);
    this.#dial(this.current);
  }

  #dial(attempt: Try): void {
    const found = this.host.snapshot.guard.check(attempt.endpoint);
    if (found instanceof Promise) void found.then((addresses) => this.#prepare(attempt, addresses));
    else this.#prepare(attempt, found);
  }

  #prepare(attempt: Try, addresses: readonly string[] | GatewayError): void {
    if (attempt.isReleased || this.#state !== "trying") return;
    if (addresses instanceof GatewayError)
      return this.passBy(attempt, addresses) ? this.#pick() : this.tryFailed(attempt, addresses);
    const exchange = this.exchange;
    const { endpoint } = attempt;
    attempt.addresses = addresses;
    attempt.target = this.#target(endpoint);
    attempt.authority = forwardedAuthority(exchange, endpoint, this.#action.spec.preserveHost);
    attempt.headers = requestHeaders(exchange, attempt.authority);
    attempt.streamIdleMs = this.host.snapshot.spec.timeouts.streamIdleMs;
    const { hooks } = this.host;
    if (hooks === null || !hooks.hasSendHooks) return this.#send(attempt);
    this.#unless(hooks.beforeSend(exchange.attempts, outgoingOf(attempt)), () => this.#send(attempt));
  }

  #send(attempt: Try): void {
    if (attempt.isReleased) return;
    attempt.started(this.upstream.transportFor(this.exchange).send(attempt, attempt));
  }

  /** Goes on to `next` unless hooks, now or later, end the exchange, or the client does meanwhile. */
  #unless(halt: Halt | null | Promise<Halt | null>, next: () => void): void {
    if (halt instanceof Promise) {
      halt.then((later) => this.#unless(later, next)).catch((cause: unknown) => this.host.crashed(cause));
      return;
    }
    if (this.#state === "over") return;
    if (halt === null) return next();
    this.#stop(new GatewayError("client_closed", "a hook ended the exchange"), Verdict.nobody);
    this.host.halt(this.exchange, halt);
  }

  #target(endpoint: Endpoint): string {
    const action = this.#action;
    if (action.rewrites) return rewriteTarget(this.exchange, action.spec, this.#route.match.path, endpoint.basePath);
    const { target } = this.exchange.outgoing;
    // `OPTIONS *` is about the server, wherever its paths begin.
    return endpoint.basePath === "" || target === "*" ? target : endpoint.basePath + target;
  }

  // ---- what the transport says ----

  tryInformed(status: number, headers: HeaderMap): void {
    if (this.#state === "trying") this.#on.informational(status, headers);
  }

  tryReplied(which: Try, reply: Reply): void {
    const now = this.host.snapshot.clock.now();
    this.settle(which, verdictOfStatus(reply.status), now);
    const { retries } = this.upstream.spec;
    const mayRetry = this.hedge === null && mayRetryReply(reply, this.exchange, retries);
    if (mayRetry && !this.#isLate(now) && this.mayTryAgain(which.endpoint)) {
      which.abandon(new GatewayError("client_closed", "tried again"));
      this.drop(which);
      return this.#tryAgain(retryAfterOf(reply, this.host.snapshot.clock.wall()), false);
    }
    this.#state = "replied";
    this.win(which, now);
    cleanReplyHeaders(reply.headers);
    const cookie = this.upstream.sticky?.cookieFor(which.endpoint, this.exchange) ?? null;
    if (cookie !== null) reply.headers.push("Set-Cookie", cookie);
    this.host.answer(this.exchange, reply);
  }

  tryTunnelled(which: Try, reply: Reply, upstream: Duplex): void {
    const now = this.host.snapshot.clock.now();
    this.settle(which, Verdict.ok, now);
    this.#state = "replied";
    this.win(which, now);
    cleanReplyHeaders(reply.headers);
    this.exchange.status = 101;
    // A tunnel is long by nature: only its own idle time ends it.
    this.#deadlines?.stop();
    this.host.tunnel(this.exchange, reply, upstream);
  }

  tryFailed(which: Try, error: GatewayError): void {
    const { clock } = this.host.snapshot;
    const now = which.sentAt === 0 ? 0 : clock.now();
    this.settle(which, verdictOf(error), now);
    this.drop(which);
    if (error.side === "upstream") this.host.attemptFailed(which.endpoint, error);
    // The other one may still succeed.
    if (this.current !== null) return;
    const mayRetry = mayRetryFailure(error, this.exchange, this.upstream.spec.retries);
    if (!mayRetry || this.#isLate(clock.now()) || !this.mayTryAgain(which.endpoint)) return this.#finish(error);
    this.#tryAgain(null, error.retry === "safe");
  }

  cancel(why: GatewayError): void {
    if (this.#state === "over") return;
    if (this.#state === "replied") return this.current?.interrupt(why);
    this.#stop(why, Verdict.nobody);
    this.host.fail(this.exchange, why);
  }

  release(): void {
    this.#stop(new GatewayError("client_closed"), Verdict.nobody);
  }

  get headArrived(): boolean {
    return this.#state !== "trying";
  }

  outOfTime(why: GatewayError): void {
    if (this.#state !== "trying") return this.cancel(why);
    this.#stop(why, Verdict.gatewayError);
    this.host.fail(this.exchange, why);
  }

  checkTries(now: number): void {
    for (const attempt of [this.current, this.hedge]) {
      if (attempt === null || now < attempt.until) continue;
      const why = timedOut("this attempt");
      attempt.abandon(why);
      this.tryFailed(attempt, why);
    }
  }

  #isLate(now: number): boolean {
    return this.#deadlines?.isLate(now) === true;
  }

  #tryAgain(retryAfterMs: number | null, isSafe: boolean): void {
    // Nothing was processed, and somebody else is asked: no reason to wait.
    if (isSafe && this.tried !== null && retryAfterMs === null) return this.try();
    const { random } = this.host.snapshot;
    const delayMs = retryDelayMs(this.exchange.attempts, retryAfterMs, this.upstream.spec.retries.backOff, random);
    this.wait(delayMs, () => this.try());
  }

  #hedgeAfter(ms: number): void {
    const { requestBody } = this.exchange;
    if (!isIdempotent(this.exchange) || (requestBody !== null && !(requestBody instanceof BytesBody))) return;
    this.wait(ms, () => this.#sendHedge());
  }

  #sendHedge(): void {
    const first = this.current;
    if (first === null) return;
    const { health } = this.upstream;
    const now = this.host.snapshot.clock.now();
    const tried = [...(this.tried ?? []), first.endpoint];
    if (this.upstream.pick(this.exchange, tried) === null || !health.budget.allowsRetry(now)) return;
    const endpoint = pickEndpoint(this.upstream, this.exchange, tried, now);
    if (endpoint instanceof GatewayError) return;
    this.hedge = this.begin(endpoint, now);
    this.#dial(this.hedge);
  }

  // A reply that is under way is its body's to end.
  #stop(why: GatewayError, verdict: VerdictKind): void {
    const isOver = this.#state !== "trying";
    this.#state = "over";
    this.#deadlines?.stop();
    this.stopWaiting();
    if (isOver && this.current !== null) this.drop(this.current);
    this.giveUpAll(why, verdict);
  }

  #finish(error: GatewayError): void {
    this.#stop(error, Verdict.nobody);
    this.host.fail(this.exchange, error);
  }
}
