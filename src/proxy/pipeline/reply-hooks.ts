import { STATUS_CODES } from "node:http";
import type { ReplyView } from "../../contract/context.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import type { HeaderMap } from "../../model/header-map.ts";
import type { Reply } from "../../model/reply.ts";
import { failureReply } from "../failure-reply.ts";
import { ExchangeContext } from "./exchange-context.ts";
import type { HookRun } from "./hook-run.ts";
import type { Outcome } from "./step.ts";
import { mayHaveBody, transformBody } from "./transform-body.ts";
import { walk } from "./walk.ts";

/** The hooks that see a reply's head, whoever made it, and then the transforms of its body. */
export class ReplyHooks {
  readonly #run: HookRun;
  #reply: Reply | null = null;
  #view: ReplyView | null = null;

  constructor(run: HookRun) {
    this.#run = run;
  }

  /** `ctx.reply` */
  get view(): ReplyView | null {
    if (this.#reply === null) return null;
    return (this.#view ??= new View(this, this.#run));
  }

  get reply(): Reply {
    return this.#reply!;
  }

  /** @returns the reply as hooks left it */
  respond(reply: Reply): Reply | Promise<Reply> {
    this.#reply = reply;
    this.#run.phase = "response";
    const outcome = walk(this.#run.pipeline.response, 0, this.#run);
    return outcome === undefined ? this.#finish() : this.#replaced(outcome);
  }

  /** A hook answered or failed: the ones outside of it see what came of it. */
  async #replaced(first: Outcome | Promise<Outcome>): Promise<Reply> {
    const run = this.#run;
    for (let outcome = await first; outcome !== undefined;) {
      const next = run.stoppedAt;
      const halt = await run.halted(outcome);
      if (halt === null || (halt instanceof GatewayError && halt.kind === "client_closed")) return this.reply;
      this.#replace(halt instanceof GatewayError ? this.#failure(halt) : halt, halt instanceof GatewayError);
      outcome = await walk(run.pipeline.response, next, run);
    }
    return this.#finish();
  }

  #replace(reply: Reply, isFailure: boolean): void {
    const { exchange } = this.#run;
    this.reply.body?.cancel(new GatewayError("client_closed", "a plugin replaced the reply"));
    exchange.source = isFailure ? "sluice" : "plugin";
    exchange.status = reply.status;
    this.#reply = reply;
  }

  #failure(error: GatewayError): Reply {
    const { exchange } = this.#run;
    exchange.failure = error;
    exchange.code = error.kind;
    return failureReply(error, exchange.id);
  }

  /** Cookies that hooks set, and the transforms. */
  #finish(): Reply {
    const run = this.#run;
    const { reply } = this;
    for (const cookie of ExchangeContext.setCookies(run.context)) reply.headers.push("Set-Cookie", cookie);
    run.exchange.status = reply.status;
    const { responseBody, wholeOnly } = run.pipeline;
    if (responseBody.length === 0 || !mayHaveBody(reply, run.exchange.received.method)) return reply;
    run.phase = "responseBody";
    if (wholeOnly && reply.status === 206)
      return this.#cutOff("a 206 came where a transform needs the whole representation");
    const body = transformBody(responseBody, run, reply.headers, reply.body!);
    if (!(body instanceof GatewayError)) {
      reply.body = body;
      return reply;
    }
    this.#replace(this.#failure(body), true);
    return this.reply;
  }

  #cutOff(why: string): Reply {
    this.#replace(this.#failure(this.#run.verdicts.pluginFailed(why)), true);
    return this.reply;
  }
}

/** A reply's head for hooks; it follows the reply when that is replaced. */
class View implements ReplyView {
  readonly #hooks: ReplyHooks;
  readonly #run: HookRun;

  constructor(hooks: ReplyHooks, run: HookRun) {
    this.#hooks = hooks;
    this.#run = run;
  }

  get status(): number {
    return this.#hooks.reply.status;
  }

  set status(status: number) {
    if (!Number.isInteger(status) || status < 200 || status > 599)
      throw new TypeError(`${status} is not a reply's status`);
    const { reply } = this.#hooks;
    if (reply.status === 101)
      throw new TypeError("the status of a tunnel cannot be changed; return a Response instead");
    if (reply.status === status) return;
    reply.status = status;
    reply.reason = STATUS_CODES[status] ?? "";
  }

  get headers(): HeaderMap {
    return this.#hooks.reply.headers;
  }

  get source(): "upstream" | "plugin" | "sluice" {
    return this.#run.exchange.source;
  }

  get code(): string | undefined {
    return this.#run.exchange.code ?? undefined;
  }
}
