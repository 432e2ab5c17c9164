import type { Recorder } from "./observability/recorder.ts";
import { DataPlane } from "./proxy/data-plane.ts";
import { ownMemory } from "./proxy/limits/memory-own.ts";
import type { PluginHost } from "./proxy/pipeline/plugin-host.ts";
import type { SharedState } from "./proxy/shared-state.ts";
import { createRateDeciders } from "./rate-limit-redis/create-deciders.ts";

export interface ProcessParts {
  readonly telemetry: Recorder;
  readonly plugins: PluginHost;
  readonly shared: SharedState;
}

/** The data plane of this process, with the process's own clock, chance, memory and connections to Redis. */
export interface ProcessDataPlane {
  readonly plane: DataPlane;
  /** Closes connections to Redis. */
  close(): void;
}

export function createDataPlane({ telemetry, plugins, shared }: ProcessParts): ProcessDataPlane {
  const clock = { now: () => performance.now(), wall: () => Date.now() };
  const rates = createRateDeciders({ shared, clock, event: (event) => telemetry.event(event) });
  const memory = ownMemory(() => plane.snapshot?.spec.workers ?? 1);
  const plane = new DataPlane({ clock, random: Math.random, telemetry, plugins, shared, rates, memory });
  return { plane, close: () => rates.close() };
}
