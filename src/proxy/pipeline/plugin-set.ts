import type { PluginsSpec, PluginUseSpec } from "../../model/snapshot-spec.ts";
import type { Instance } from "./instance.ts";
import type { InstanceRegistry } from "./instance-registry.ts";
import { Pipeline } from "./pipeline.ts";
import type { HookWatch } from "./plugin-host.ts";
import type { Timings } from "./timings.ts";

export interface PluginSetParts {
  readonly instances: readonly Instance[];
  readonly registry: InstanceRegistry;
  readonly timings: Timings;
  readonly watch: HookWatch;
}

/** The plugins of one snapshot: its pipelines, and the instances they hold until the last exchange that runs them is over. */
export class PluginSet {
  /** For every request, before and without a route; null where there is nothing in it. */
  readonly everywhere: Pipeline | null;
  readonly spec: PluginsSpec;
  readonly #parts: PluginSetParts;
  readonly #byKey: ReadonlyMap<string, Instance>;
  readonly #pipelines = new Map<string, Pipeline>();
  #running = 0;
  #retired = false;
  #released = false;

  constructor(spec: PluginsSpec, parts: PluginSetParts) {
    this.spec = spec;
    this.#parts = parts;
    this.#byKey = new Map(parts.instances.map((instance) => [instance.spec.key, instance]));
    this.everywhere = this.pipelineOf(spec.all);
    for (const instance of parts.instances) {
      if (instance.problem !== null) instance.onReady = chained(instance.onReady, () => this.#compose());
    }
  }

  /** null for an empty list; the same one for the same list. */
  pipelineOf(uses: readonly PluginUseSpec[]): Pipeline | null {
    if (uses.length === 0) return null;
    const key = JSON.stringify(uses);
    let pipeline = this.#pipelines.get(key);
    if (pipeline === undefined) {
      const { timings, watch } = this.#parts;
      pipeline = new Pipeline(uses, { instances: this.#byKey, timings, watch });
      this.#pipelines.set(key, pipeline);
    }
    return pipeline;
  }

  enter(): void {
    this.#running++;
  }

  leave(): void {
    this.#running--;
    this.#releaseIfOver();
  }

  /** No new exchange comes. */
  retire(): void {
    this.#retired = true;
    this.#releaseIfOver();
  }

  #releaseIfOver(): void {
    if (!this.#retired || this.#running > 0 || this.#released) return;
    this.#released = true;
    for (const instance of this.#parts.instances) this.#parts.registry.release(instance);
  }

  #compose(): void {
    for (const pipeline of this.#pipelines.values()) pipeline.compose();
  }
}

function chained(first: (() => void) | null, second: () => void): () => void {
  return () => {
    first?.();
    second();
  };
}
