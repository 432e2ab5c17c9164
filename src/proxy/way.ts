import type { Exchange } from "../model/exchange.ts";
import { GatewayError } from "../model/gateway-error.ts";
import { HeaderMap } from "../model/header-map.ts";
import type { Telemetry } from "../model/ports.ts";
import type { Duplex, Reply, Responder } from "../model/reply.ts";
import { failureReply } from "./failure-reply.ts";
import { Forward } from "./forwarding/forward.ts";
import type { ForwardHost } from "./forwarding/forward-host.ts";
import type { Try } from "./forwarding/try.ts";
import { limitBody } from "./forwarding/limited-body.ts";
import { isLooping } from "./forwarding/request-headers.ts";
import { addReplyHeaders } from "./forwarding/response-headers.ts";
import { addRateLimitFields } from "./limits/rate-fields.ts";
import { redirectReply, respondReply } from "./local-replies.ts";
import type { Halt } from "./pipeline/attempt-hooks.ts";
import { HookRun, type RunOwner } from "./pipeline/hook-run.ts";
import type { Pipeline } from "./pipeline/pipeline.ts";
import type { ForwardAction, Route } from "./routing/route.ts";
import { AMBIGUOUS } from "./routing/route-matcher.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Endpoint } from "./upstream/endpoint.ts";

/** Of the classes that routes belong to. */
const MOST_IMPORTANT = 0;

type MaybeHalt = Halt | null | Promise<Halt | null>;

/**
 * The way of one request, top to bottom: global limit → route hooks → match → limits → request hooks (who is it?) → limits of who
 * it is → admission → forward → response hooks → reply. It carries the snapshot the request began with and who waits for the
 * reply. What is not configured is not asked, and nothing waits that need not.
 */
export class Way implements ForwardHost, RunOwner {
  readonly snapshot: Snapshot;
  readonly on: Responder;
  readonly exchange: Exchange;
  /** null: no plugin has anything to do with this request. */
  hooks: HookRun | null = null;
  readonly #telemetry: Telemetry;

  constructor(snapshot: Snapshot, exchange: Exchange, on: Responder, telemetry: Telemetry) {
    this.snapshot = snapshot;
    this.exchange = exchange;
    this.on = on;
    this.#telemetry = telemetry;
  }

  begin(): void {
    const { exchange, snapshot } = this;
    const { everywhere } = snapshot.plugins;
    if (everywhere !== null) this.#hook(everywhere);
    const refused = snapshot.admissions.door(MOST_IMPORTANT) ?? refusal(exchange);
    if (refused !== null) return this.fail(exchange, refused);
    const { global } = snapshot.rates;
    if (global === null) return this.#route();
    snapshot.rates.check(global, exchange, (why) => this.#unlessRefused(why, () => this.#route()));
  }

  #route(): void {
    const { everywhere } = this.snapshot.plugins;
    if (everywhere === null || everywhere.route.length === 0) return this.#match();
    this.#unless(this.hooks!.route(), () => this.#match());
  }

  #match(): void {
    const { exchange, snapshot } = this;
    const route = snapshot.matcher.match(exchange);
    if (route === AMBIGUOUS) return this.fail(exchange, ambiguous());
    if (route === null) return this.fail(exchange, new GatewayError("no_route"));
    exchange.route = route;
    const { maxBodyBytes, importance } = route.spec;
    const refused =
      snapshot.admissions.door(importance) ?? limitBody(exchange, maxBodyBytes ?? snapshot.spec.limits.maxBodyBytes);
    if (refused !== null) return this.fail(exchange, refused);
    const early = route.limits?.early ?? null;
    if (early === null) return this.#request(route);
    snapshot.rates.check(early, exchange, (why) => this.#unlessRefused(why, () => this.#request(route)));
  }

  #request(route: Route): void {
    const { pipeline, action } = route;
    if (pipeline === null) return this.#identified(route);
    const { exchange, snapshot } = this;
    if (this.hooks === null) this.#hook(pipeline);
    // Hooks see where the request is going, and may send it elsewhere.
    if (action.kind === "forward") exchange.upstream = (action.only ?? snapshot.splitTarget(action, exchange)).name;
    this.#unless(this.hooks!.request(pipeline), () => this.#identified(route));
  }

  /** Whoever authenticates has done so. */
  #identified(route: Route): void {
    const late = route.limits?.late ?? null;
    if (late === null) return this.#act(route);
    this.snapshot.rates.check(late, this.exchange, (why) => this.#unlessRefused(why, () => this.#act(route)));
  }

  #act(route: Route): void {
    const { action } = route;
    const { exchange } = this;
    if (action.kind === "respond") return this.answer(exchange, respondReply(action));
    if (action.kind === "redirect") return this.answer(exchange, redirectReply(action, exchange));
    if (!this.snapshot.hasGates) return this.#forward(action);
    exchange.upstream ??= (action.only ?? this.snapshot.splitTarget(action, exchange)).name;
    const gates = this.snapshot.gatesOf(route, exchange.upstream);
    if (gates === null) return this.#forward(action);
    this.snapshot.admissions.enter(exchange, gates, (why) => this.#unlessRefused(why, () => this.#forward(action)));
  }

  #forward(action: ForwardAction): void {
    new Forward(this, this.exchange, action, this.on).try();
  }

  /** Hears of an exchange's end whatever the reply was. */
  answer(exchange: Exchange, reply: Reply): void {
    exchange.status = reply.status;
    const { hooks } = this;
    if (hooks === null) return this.#deliver(exchange, reply);
    const final = hooks.replies.respond(reply);
    if (!(final instanceof Promise)) return this.#deliver(exchange, final);
    void final.then(
      (later) => this.#deliver(exchange, later),
      (cause: unknown) => this.crashed(cause),
    );
  }

  fail(exchange: Exchange, error: GatewayError): void {
    exchange.failure = error;
    exchange.code = error.kind;
    exchange.source = "sluice";
    if (error.kind === "client_closed") {
      exchange.status = 499;
      return this.on.failed(error);
    }
    const { hooks } = this;
    if (hooks === null || hooks.pipeline.error.length === 0 || hooks.phase === "error")
      return this.answer(exchange, failureReply(error, exchange.id));
    exchange.status = error.status;
    this.#unless(hooks.error(), () => this.answer(exchange, failureReply(error, exchange.id)));
  }

  tunnel(exchange: Exchange, reply: Reply, upstream: Duplex): void {
    const { hooks } = this;
    if (hooks === null) return this.on.tunnel(reply, upstream);
    const finish = (final: Reply) => {
      if (final === reply && exchange.endedAt === 0) return this.on.tunnel(reply, upstream);
      const why = new GatewayError("client_closed", "a plugin answered in the tunnel's place");
      if (upstream.kind === "bytes") upstream.close(why);
      else upstream.close(1001, "");
      if (final !== reply) this.#deliver(exchange, final);
    };
    const final = hooks.replies.respond(reply);
    if (final instanceof Promise) void final.then(finish, (cause: unknown) => this.crashed(cause));
    else finish(final);
  }

  /** A hook ended the exchange. */
  halt(exchange: Exchange, halt: Halt): void {
    if (halt instanceof GatewayError) return this.fail(exchange, halt);
    exchange.source = "plugin";
    this.answer(exchange, halt);
  }

  attemptFailed(endpoint: Endpoint, error: GatewayError): void {
    const { upstream, id } = endpoint;
    this.#telemetry.event({ type: "upstream.failure", upstream, endpoint: id, code: error.kind, detail: error.detail });
  }

  retried(endpoint: Endpoint): void {
    this.#telemetry.retried(endpoint.slot);
  }

  attemptEnded(attempt: Try, ms: number): void {
    this.#telemetry.attemptEnded(attempt.endpoint.slot, attempt, ms);
  }

  budgetExhausted(upstream: string): void {
    this.#telemetry.event({ type: "retry_budget.exhausted", upstream });
  }

  /** Our own fault. Once a reply's head is out there is nothing to answer with: then it is cut short. */
  crashed(cause: unknown): void {
    const { exchange } = this;
    this.#telemetry.event({ type: "internal", where: "gateway", error: cause });
    const error = new GatewayError("internal", String(cause), { cause });
    if (exchange.status === 0) return this.fail(exchange, error);
    exchange.running?.cancel(error);
  }

  continueBody(): void {
    if (this.exchange.received.version === "1.1") this.on.informational(100, new HeaderMap());
  }

  left(): void {
    this.snapshot.plugins.leave();
  }

  #hook(pipeline: Pipeline): void {
    this.snapshot.plugins.enter();
    this.hooks = new HookRun(this.exchange, pipeline, this.snapshot.hooks, this);
  }

  /** Goes on to `next` unless hooks, now or later, end the exchange. */
  #unless(halt: MaybeHalt, next: () => void): void {
    if (halt === null) return next();
    if (!(halt instanceof Promise)) return this.halt(this.exchange, halt);
    halt.then((later) => this.#unless(later, next)).catch((cause: unknown) => this.crashed(cause));
  }

  /** Goes on to `next`, perhaps later, unless a limit refuses the request or the client has gone meanwhile. */
  #unlessRefused(why: GatewayError | null, next: () => void): void {
    const { exchange } = this;
    if (exchange.endedAt !== 0) return;
    try {
      if (why === null) next();
      else this.fail(exchange, why);
    } catch (cause) {
      this.crashed(cause);
    }
  }

  #deliver(exchange: Exchange, reply: Reply): void {
    // The client went away while hooks were at work.
    if (exchange.endedAt !== 0) return reply.body?.cancel(new GatewayError("client_closed"));
    const timing = this.hooks?.serverTiming ?? null;
    if (timing !== null) reply.headers.push("Server-Timing", timing);
    addRateLimitFields(reply.headers, exchange);
    addReplyHeaders(reply.headers, exchange, this.snapshot.spec.replyHeaders);
    if (exchange.source !== "upstream" && exchange.received.method === "HEAD") reply.body = null;
    this.on.reply(reply);
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
