import type { PluginPlane } from "./plugin-plane.ts";
import type { EndpointHealthView } from "./upstream/health/health-registry.ts";

/** One generation of a plugin in one worker. */
export interface GenerationView {
  readonly plugin: string;
  readonly generation: string;
  /** It keeps failing and is not called for a while. */
  readonly isSuspended: boolean;
  /** Why it is not set up; null when it is. */
  readonly problem: string | null;
}

/** What one worker knows and no other does, for people. Plain JSON: it may come from another process. */
export interface PlaneView {
  readonly health: readonly EndpointHealthView[];
  readonly generations: readonly GenerationView[];
}

export function planeView(health: readonly EndpointHealthView[], plugins: PluginPlane): PlaneView {
  return {
    health,
    generations: plugins.instances.map(({ spec, breaker, problem }) => ({
      plugin: spec.name,
      generation: spec.key,
      isSuspended: breaker.isOpen,
      problem,
    })),
  };
}
