import type { Exchange } from "../../model/exchange.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import type { HookEnvironment } from "./hook-environment.ts";
import { NotSetUp } from "./pipeline.ts";
import { RequestProblem } from "./request-problem.ts";
import type { Outcome, Step } from "./step.ts";

/** What becomes of an exchange whose hook throws, overruns its time, or is not to be called: told once, counted, decided. */
export class HookVerdicts {
  readonly #exchange: Exchange;
  readonly #environment: HookEnvironment;

  constructor(exchange: Exchange, environment: HookEnvironment) {
    this.#exchange = exchange;
    this.#environment = environment;
  }

  /** @returns undefined where the plugin says to go on without it */
  failed(step: Step, cause: unknown): GatewayError | undefined {
    // The client's doing, or time's: no fault of the plugin.
    if (cause instanceof GatewayError) return cause;
    if (cause instanceof RequestProblem) return cause.failure;
    if (cause instanceof NotSetUp) return cause.instance.unavailable;
    const { instance, use, timing, phase } = step;
    const message = instance.describe(phase, cause);
    const plugin = instance.spec.name;
    const environment = this.#environment;
    timing.failures++;
    environment.event({ type: "plugin.failed", plugin, phase, message, requestId: this.#exchange.id });
    const forMs = instance.breaker.failed(environment.clock.now());
    const { failures } = instance.breaker;
    if (forMs > 0) environment.event({ type: "plugin.suspended", plugin, phase, failures, forMs });
    return use.onError === "continue" ? undefined : this.pluginFailed(message, cause);
  }

  suspended({ instance, use }: Step): Outcome {
    if (use.onError === "continue") return undefined;
    return this.pluginFailed(`${instance.spec.name} failed again and again and is not called for a while`);
  }

  succeeded({ instance }: Step): void {
    if (instance.breaker.succeeded()) this.#environment.event({ type: "plugin.resumed", plugin: instance.spec.name });
  }

  pluginFailed(message: string, cause?: unknown): GatewayError {
    const shown = this.#environment.showErrors ? { publicDetail: message } : {};
    return new GatewayError("plugin_failed", message, { cause, ...shown });
  }
}
