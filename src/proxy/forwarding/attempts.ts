import type { Exchange } from "../../model/exchange.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import type { HeaderMap } from "../../model/header-map.ts";
import type { Duplex, Reply } from "../../model/reply.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import { Verdict, type VerdictKind } from "../upstream/health/upstream-health.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { ForwardHost } from "./forward-host.ts";
import { Try, type TryOwner } from "./try.ts";

/**
 * The attempts of one exchange that are under way: one, or two while it is hedged. Each takes a place at its endpoint and gives it
 * back once, and is told to its upstream's health once. (A base class, because a request should not pay for another object.)
 */
export abstract class Attempts implements TryOwner {
  protected readonly host: ForwardHost;
  protected readonly exchange: Exchange;
  protected upstream: Upstream;
  protected current: Try | null = null;
  /** Sent beside the current one. */
  protected hedge: Try | null = null;
  protected tried: Endpoint[] | null = null;
  /** Of a back-off, or until a hedge. */
  #timer: Timer | null = null;

  constructor(host: ForwardHost, exchange: Exchange, upstream: Upstream) {
    this.host = host;
    this.exchange = exchange;
    this.upstream = upstream;
  }

  abstract tryInformed(status: number, headers: HeaderMap): void;
  abstract tryReplied(which: Try, reply: Reply): void;
  abstract tryTunnelled(which: Try, reply: Reply, upstream: Duplex): void;
  abstract tryFailed(which: Try, error: GatewayError): void;

  protected begin(endpoint: Endpoint, now: number): Try {
    const { exchange } = this;
    const { retries, timeouts } = this.upstream.spec;
    endpoint.inFlight++;
    exchange.endpoint = endpoint.id;
    exchange.attempts++;
    exchange.endpointSlot = endpoint.slot;
    if (exchange.attempts > 1) this.host.retried(endpoint);
    const attempt = new Try(this, exchange, endpoint, timeouts);
    attempt.sentAt = now;
    if (retries.perTryMs !== null) attempt.until = now + retries.perTryMs;
    return attempt;
  }

  /** Its reply is the one that is passed on. */
  protected win(which: Try, now: number): void {
    const { exchange } = this;
    const other = which === this.hedge ? this.current : this.hedge;
    this.current = which;
    this.hedge = null;
    if (other !== null) {
      this.giveUp(other, new GatewayError("client_closed", "another attempt was faster"), Verdict.nobody);
      this.current = which;
    }
    exchange.endpoint = which.endpoint.id;
    exchange.endpointSlot = which.endpoint.slot;
    exchange.source = "upstream";
    exchange.headAt = now;
    this.upstream.balancer.observe?.(which.endpoint, now - which.sentAt, now);
  }

  protected settle(which: Try, verdict: VerdictKind, now: number): void {
    if (which.isSettled) return;
    which.isSettled = true;
    const { health, spec } = this.upstream;
    const latencyMs = now - which.sentAt;
    if (which.status !== 0 || which.code !== null)
      this.host.attemptEnded(which, which.sentAt > 0 ? latencyMs : now - this.exchange.startedAt);
    if (health.isTracking && which.sentAt > 0) health.settle(which.endpoint, verdict, latencyMs, now);
    if (spec.admission?.adaptive === true && verdict !== Verdict.nobody)
      this.host.snapshot.admissions.observe(spec.name, latencyMs, verdict === Verdict.gatewayError);
  }

  /** Gives its place back. The one that was sent beside it takes its part. */
  protected drop(which: Try): void {
    if (!which.isReleased) which.endpoint.inFlight--;
    which.isReleased = true;
    if (which === this.current) {
      this.current = this.hedge;
      this.hedge = null;
    } else if (which === this.hedge) this.hedge = null;
  }

  protected giveUp(which: Try, why: GatewayError, verdict: VerdictKind): void {
    if (!which.isSettled) this.settle(which, verdict, this.host.snapshot.clock.now());
    which.abandon(why);
    this.drop(which);
  }

  protected giveUpAll(why: GatewayError, verdict: VerdictKind): void {
    for (let last = this.current; last !== null; last = this.current) this.giveUp(last, why, verdict);
  }

  /** What may not be dialled was not tried: another endpoint is no retry. @returns false: it is something else, or there is none */
  protected passBy(which: Try, { kind }: GatewayError): boolean {
    if (kind !== "upstream_forbidden") return false;
    const { exchange, upstream } = this;
    (this.tried ??= []).push(which.endpoint);
    if (which === this.hedge || upstream.pick(exchange, this.tried) === null) return false;
    this.settle(which, Verdict.nobody, which.sentAt);
    this.drop(which);
    exchange.attempts--;
    return true;
  }

  /** Is there another endpoint, and a retry in the budget? Another endpoint each time; once around, the first ones again. */
  protected mayTryAgain(failed: Endpoint): boolean {
    const { upstream } = this;
    (this.tried ??= []).push(failed);
    if (upstream.pick(this.exchange, this.tried) === null) {
      if (!upstream.spec.retries.on.reset || upstream.available.length === 0) return false;
      this.tried = null;
    }
    if (upstream.health.budget.allowsRetry(this.host.snapshot.ticker.now)) return true;
    this.host.budgetExhausted(upstream.name);
    return false;
  }

  /** Whoever was left may have been taken out while this one waited. */
  protected startOverWhenAllAreTried(): void {
    const { tried, upstream } = this;
    if (tried !== null && upstream.available.every((endpoint) => tried.includes(endpoint))) this.tried = null;
  }

  /** One thing is waited for at a time. */
  protected wait(ms: number, then: () => void): void {
    this.stopWaiting();
    this.#timer = setTimeout(() => {
      this.#timer = null;
      then();
    }, ms);
  }

  protected stopWaiting(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
