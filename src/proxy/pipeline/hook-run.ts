import type { OutgoingRequest } from "../../contract/context.ts";
import type { Log } from "../../contract/services.ts";
import type { Exchange, ExchangeHooks } from "../../model/exchange.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import type { HeaderMap } from "../../model/header-map.ts";
import { codeOf, replyOf } from "./answer.ts";
import type { AttemptHooks, Halt } from "./attempt-hooks.ts";
import { cleanHeaders, dropAuthHeaders, sayIdentity } from "./clean-headers.ts";
import { type ContextHost, ExchangeContext } from "./exchange-context.ts";
import type { HookEnvironment } from "./hook-environment.ts";
import { HookVerdicts } from "./hook-verdicts.ts";
import { HookWait } from "./hook-wait.ts";
import type { Pipeline } from "./pipeline.ts";
import { ReplyHooks } from "./reply-hooks.ts";
import { HookBody } from "./request-body.ts";
import type { Outcome, Step } from "./step.ts";
import { transformBody } from "./transform-body.ts";
import { walk, type Walker } from "./walk.ts";

/** What a run needs of the way it is part of. */
export interface RunOwner {
  /** Told to the client: it may send its body. */
  continueBody(): void;
  /** The pipelines' snapshot is not needed by this exchange any more. */
  left(): void;
}

const ABORTED = AbortSignal.abort();

/** The hooks of one exchange, phase by phase. Exists only where there are hooks. */
export class HookRun implements Walker, ContextHost, ExchangeHooks, AttemptHooks {
  readonly exchange: Exchange;
  readonly environment: HookEnvironment;
  readonly context: ExchangeContext;
  readonly replies: ReplyHooks;
  readonly cell: Int32Array;
  readonly verdicts: HookVerdicts;
  step: Step | null = null;
  stoppedAt = 0;
  phase = "route";
  attempt = 0;
  outgoing: OutgoingRequest | null = null;
  readonly #owner: RunOwner;
  readonly #wait: HookWait;
  #pipeline: Pipeline;
  #abort: AbortController | null = null;
  #body: HookBody | null = null;
  #gone: GatewayError | null = null;
  /** `name.phase;dur=ms`, where somebody asked for them. */
  #timings: string[] | null;

  constructor(exchange: Exchange, pipeline: Pipeline, environment: HookEnvironment, owner: RunOwner) {
    this.exchange = exchange;
    this.environment = environment;
    this.#pipeline = pipeline;
    this.#owner = owner;
    this.cell = environment.host.watch.cell;
    this.#wait = new HookWait(environment, exchange, (why) => this.#cancelled(why));
    this.verdicts = new HookVerdicts(exchange, environment);
    this.context = new ExchangeContext(this);
    this.replies = new ReplyHooks(this);
    this.#timings = environment.serverTiming && exchange.received.headers.has("x-server-timing") ? [] : null;
    exchange.hooks = this;
  }

  get pipeline(): Pipeline {
    return this.#pipeline;
  }

  // ---- the phases ----

  route(): Halt | null | Promise<Halt | null> {
    return this.#phase("route");
  }

  /** The route is known: from here on its own list counts. */
  request(pipeline: Pipeline): Halt | null | Promise<Halt | null> {
    this.#pipeline = pipeline;
    dropAuthHeaders(this.exchange);
    const halt = this.#phase("request");
    if (halt === null) return this.#requestReady();
    return halt instanceof Promise ? halt.then((later) => later ?? this.#requestReady()) : halt;
  }

  get hasUpstreamHooks(): boolean {
    return this.#pipeline.upstream.length > 0;
  }

  get hasSendHooks(): boolean {
    return this.#pipeline.send.length > 0;
  }

  beforePick(attempt: number): Halt | null | Promise<Halt | null> {
    this.attempt = attempt;
    return this.#phase("upstream");
  }

  beforeSend(attempt: number, outgoing: OutgoingRequest): Halt | null | Promise<Halt | null> {
    this.attempt = attempt;
    this.outgoing = outgoing;
    return this.#phase("send");
  }

  /** Hooks that answer in place of a failure. */
  error(): Halt | null | Promise<Halt | null> {
    return this.#phase("error");
  }

  ended(): void {
    const { failure } = this.exchange;
    if (failure?.kind === "client_closed") this.#cancelled(failure);
    this.phase = "log";
    const logged = walk(this.#pipeline.log, 0, this);
    if (logged instanceof Promise) void logged.then(() => this.#owner.left());
    else this.#owner.left();
  }

  #phase(phase: "route" | "request" | "upstream" | "send" | "error"): Halt | null | Promise<Halt | null> {
    this.phase = phase;
    const outcome = walk(this.#pipeline[phase], 0, this);
    if (outcome === undefined) return null;
    return outcome instanceof Promise ? outcome.then((later) => this.halted(later)) : this.halted(outcome);
  }

  halted(outcome: Outcome): Halt | null | Promise<Halt> {
    if (outcome === undefined) return null;
    if (outcome instanceof GatewayError) return outcome;
    const code = codeOf(outcome);
    if (code !== null) this.exchange.code = code;
    try {
      return replyOf(outcome, this.environment.ticker);
    } catch (cause) {
      return this.verdicts.failed({ ...this.step!, use: { ...this.step!.use, onError: "fail" } }, cause)!;
    }
  }

  #requestReady(): GatewayError | null {
    if (this.exchange.identity !== null) sayIdentity(this.exchange, this.exchange.identity);
    const { requestBody } = this.#pipeline;
    if (this.#pipeline.wholeOnly) {
      const { headers } = this.exchange.edit();
      headers.remove("range");
      headers.remove("if-range");
    }
    if (requestBody.length === 0 || this.exchange.requestBody === null) return null;
    this.phase = "requestBody";
    const transformed = transformBody(requestBody, this, this.exchange.edit().headers, this.exchange.requestBody);
    if (transformed instanceof GatewayError) return transformed;
    this.exchange.requestBody = transformed;
    return null;
  }

  // ---- for the walk ----

  now(): number {
    return this.environment.clock.now();
  }

  wait(result: Promise<unknown>, step: Step): Promise<unknown> {
    if (this.#gone !== null && this.phase !== "log") {
      result.catch(() => undefined);
      return Promise.reject(this.#gone);
    }
    return this.#wait.for(result, step.use.timeoutMs);
  }

  took(step: Step, ms: number): void {
    step.timing.record(ms);
    this.#timings?.push(`${step.instance.spec.name}.${step.phase};dur=${ms.toFixed(3)}`);
  }

  get serverTiming(): string | null {
    return this.#timings === null ? null : this.#timings.join(", ");
  }

  // ---- for the context ----

  get reply() {
    return this.replies.view;
  }

  get signal(): AbortSignal {
    if (this.#abort === null && this.#gone !== null) return ABORTED;
    return (this.#abort ??= new AbortController()).signal;
  }

  get elapsedMs(): number {
    return this.now() - this.exchange.startedAt;
  }

  get log(): Log {
    const plugin = this.step?.instance.spec.name ?? "";
    return this.environment.host.log({ plugin, requestId: this.exchange.id });
  }

  get body(): HookBody | null {
    if (this.exchange.requestBody === null) return null;
    return (this.#body ??= new HookBody(
      this.exchange,
      this.#bodyDeadline(),
      this.environment.ticker,
      this.#pipeline.bodyLimitBytes,
    ));
  }

  cleanHeaders(): HeaderMap {
    return cleanHeaders(this.exchange);
  }

  chooseUpstream(name: string): void {
    if (!this.environment.hasUpstream(name)) throw new TypeError(`there is no upstream "${name}"`);
    this.exchange.upstream = name;
  }

  hold(promise: Promise<unknown>): void {
    const { step } = this;
    promise.catch((cause: unknown) => {
      if (step !== null) this.verdicts.failed({ ...step, use: { ...step.use, onError: "continue" } }, cause);
    });
    step?.instance.hold(promise);
  }

  // The client may be waiting to be told to send.
  #bodyDeadline() {
    const wait = this.#wait;
    const { exchange } = this;
    return {
      pause: () => {
        wait.pause();
        if (!exchange.received.headers.has("expect")) return;
        exchange.edit().headers.remove("expect");
        this.#owner.continueBody();
      },
      resume: () => wait.resume(),
    };
  }

  #cancelled(why: GatewayError): void {
    this.#gone = why;
    this.#abort?.abort(why.kind);
  }
}
