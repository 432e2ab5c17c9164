import type { ExchangeContext } from "./exchange-context.ts";
import type { HookVerdicts } from "./hook-verdicts.ts";
import { HOOK_RUNS } from "./plugin-host.ts";
import type { Outcome, Step } from "./step.ts";

/** What walking a list of hooks needs of the exchange they run for. */
export interface Walker {
  readonly context: ExchangeContext;
  readonly cell: Int32Array;
  /** The hook that runs. */
  step: Step | null;
  /** Where the walk stopped with an outcome: the place after its hook. */
  stoppedAt: number;
  now(): number;
  /** Settles as `result` does, or rejects when its time is up or the client has gone. */
  wait(result: Promise<unknown>, step: Step): Promise<unknown>;
  readonly verdicts: HookVerdicts;
  took(step: Step, ms: number): void;
}

/**
 * Runs hooks in order until one has an outcome. Nothing waits while hooks are synchronous; the first that returns a promise makes
 * the rest wait for it.
 */
export function walk(steps: readonly Step[], from: number, walker: Walker): Outcome | Promise<Outcome> {
  if (from === steps.length) return undefined;
  let at = walker.now();
  for (let i = from; i < steps.length; i++) {
    const step = steps[i]!;
    const { breaker } = step.instance;
    let outcome: Outcome;
    if (breaker.isOpen && !breaker.mayTry(at)) outcome = walker.verdicts.suspended(step);
    else {
      const result = call(step, walker);
      if (result instanceof Promise) return resume({ steps, next: i + 1, walker }, result, at);
      const now = walker.now();
      walker.took(step, now - at);
      at = now;
      outcome = result;
    }
    if (outcome === undefined) continue;
    walker.stoppedAt = i + 1;
    return outcome;
  }
  return undefined;
}

function call(step: Step, walker: Walker): Outcome | Promise<unknown> {
  const { cell } = walker;
  walker.step = step;
  cell[0] = step.label;
  cell[HOOK_RUNS]!++;
  try {
    const result = step.run(walker.context as never);
    cell[0] = 0;
    if (result instanceof Promise) return result;
    return judged(step, walker, result);
  } catch (cause) {
    cell[0] = 0;
    return walker.verdicts.failed(step, cause);
  }
}

function judged(step: Step, walker: Walker, result: unknown): Outcome {
  if (result !== undefined && !(result instanceof Response))
    throw new TypeError(`returned ${typeof result}; a hook returns a Response or nothing`);
  if (step.instance.breaker.failures > 0) walker.verdicts.succeeded(step);
  return result;
}

interface Walk {
  readonly steps: readonly Step[];
  readonly next: number;
  readonly walker: Walker;
}

async function resume({ steps, next, walker }: Walk, result: Promise<unknown>, began: number): Promise<Outcome> {
  const step = steps[next - 1]!;
  const { cell } = walker;
  let outcome: Outcome;
  // Counted, so that who finds the thread blocked after an `await` can name it.
  if (step.label > 0) cell[step.label]!++;
  try {
    outcome = judged(step, walker, await walker.wait(result, step));
  } catch (cause) {
    outcome = walker.verdicts.failed(step, cause);
  } finally {
    if (step.label > 0) cell[step.label]!--;
  }
  walker.took(step, walker.now() - began);
  if (outcome === undefined) return walk(steps, next, walker);
  walker.stoppedAt = next;
  return outcome;
}
