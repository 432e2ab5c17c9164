import { type Hooks, PHASES, type Phase } from "../../contract/hooks.ts";
import type { PluginUseSpec } from "../../model/snapshot-spec.ts";
import type { Instance } from "./instance.ts";
import type { HookWatch } from "./plugin-host.ts";
import type { Step, TransformStep } from "./step.ts";
import type { Timings } from "./timings.ts";

/** What pipelines are composed with. */
export interface PipelineParts {
  readonly instances: ReadonlyMap<string, Instance>;
  readonly timings: Timings;
  readonly watch: HookWatch;
}

const NO_STEPS: readonly Step[] = [];
const NO_TRANSFORMS: readonly TransformStep[] = [];

/** These see what the ones before them did last: an onion. */
const INNER_FIRST: ReadonlySet<string> = new Set(["response", "responseBody", "error", "log"]);

/** The hooks of one route, composed when its snapshot is compiled: a list for each phase, in the order they run. */
export class Pipeline {
  route = NO_STEPS;
  request = NO_STEPS;
  upstream = NO_STEPS;
  send = NO_STEPS;
  response = NO_STEPS;
  error = NO_STEPS;
  log = NO_STEPS;
  requestBody = NO_TRANSFORMS;
  responseBody = NO_TRANSFORMS;
  /** A transform here must see whole representations. */
  wholeOnly = false;
  /** For `ctx.body`: the largest that any of its plugins asks for. */
  bodyLimitBytes = 0;
  readonly #uses: readonly PluginUseSpec[];
  readonly #parts: PipelineParts;

  constructor(uses: readonly PluginUseSpec[], parts: PipelineParts) {
    this.#uses = uses;
    this.#parts = parts;
    this.compose();
  }

  /** Also called when a plugin that could not be set up at first is there. */
  compose(): void {
    const places = this.#uses.map((use) => ({ use, instance: this.#parts.instances.get(use.key)! }));
    for (const phase of PHASES)
      this[phase] = this.#ordered(
        phase,
        places.flatMap((place) => this.#step(phase, place)),
      );
    for (const name of ["requestBody", "responseBody"] as const)
      this[name] = this.#ordered(
        name,
        places.flatMap((place) => this.#transform(name, place)),
      );
    const options = places.flatMap(({ instance }) => instance.plugin?.bodyOptions ?? []);
    this.wholeOnly = this.responseBody.some(({ instance }) => instance.plugin!.bodyOptions.wholeOnly);
    this.bodyLimitBytes = options.reduce((most, option) => Math.max(most, option.limitBytes), 0);
  }

  #ordered<T>(phase: string, steps: T[]): T[] {
    return INNER_FIRST.has(phase) ? steps.toReversed() : steps;
  }

  #step(phase: Phase, { use, instance }: Place): Step[] {
    const hook = instance.plugin === null ? standIn(phase, instance) : instance.hooks[phase];
    if (hook === undefined) return [];
    const { name } = instance.spec;
    const label = this.#parts.watch.label(`${name} ${phase}`);
    const timing = this.#parts.timings.of(name, phase);
    return [{ phase, instance, use, label, timing, run: hook.bind(instance.hooks) as Step["run"] }];
  }

  #transform(name: "requestBody" | "responseBody", { use, instance }: Place): TransformStep[] {
    const make = instance.hooks[name];
    if (make === undefined) return [];
    const { name: plugin } = instance.spec;
    const label = this.#parts.watch.label(`${plugin} ${name}`);
    const timing = this.#parts.timings.of(plugin, name);
    return [{ name, instance, use, label, timing, make: make.bind(instance.hooks) as TransformStep["make"] }];
  }
}

interface Place {
  readonly use: PluginUseSpec;
  readonly instance: Instance;
}

/** Where a plugin is not set up yet, its routes are closed. */
function standIn(phase: Phase, instance: Instance): Hooks["request"] | undefined {
  if (phase !== "request") return undefined;
  return () => {
    throw new NotSetUp(instance);
  };
}

/** Thrown in place of a hook that cannot be called yet. */
export class NotSetUp extends Error {
  readonly instance: Instance;

  constructor(instance: Instance) {
    super("not set up");
    this.instance = instance;
  }
}
