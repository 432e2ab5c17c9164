import type { Clock, ProxyEvent } from "../model/ports.ts";
import type { SnapshotSpec } from "../model/snapshot-spec.ts";
import type { Instance } from "./pipeline/instance.ts";
import { InstanceRegistry } from "./pipeline/instance-registry.ts";
import type { PluginHost } from "./pipeline/plugin-host.ts";
import { type PluginMetric, PluginMetrics } from "./pipeline/plugin-metrics.ts";
import { PluginSet } from "./pipeline/plugin-set.ts";
import { SetupServices } from "./pipeline/setup-services.ts";
import { type Timing, Timings } from "./pipeline/timings.ts";

export interface PluginPlaneParts {
  readonly host: PluginHost;
  readonly clock: Clock;
  event(event: ProxyEvent): void;
  /** What plugins get as `fetch`. */
  readonly fetch: typeof fetch;
}

/** What outlives snapshots of a data plane's plugins: their instances, timings and metrics. */
export class PluginPlane {
  readonly #parts: PluginPlaneParts;
  readonly #registry: InstanceRegistry;
  readonly #timings = new Timings();
  readonly #metrics = new PluginMetrics();

  constructor(parts: PluginPlaneParts) {
    this.#parts = parts;
    this.#registry = new InstanceRegistry((event) => parts.event(event));
  }

  /** Rejects with SetupError. */
  async setUp(spec: SnapshotSpec): Promise<PluginSet> {
    const { host, clock, fetch } = this.#parts;
    const services = new SetupServices({ host, clock, metrics: this.#metrics, fetch, redisUrl: spec.redisUrl });
    const instances = await this.#registry.acquire(spec.plugins.instances, services);
    const { watch } = host;
    return new PluginSet(spec.plugins, { instances, registry: this.#registry, timings: this.#timings, watch });
  }

  idle(): Promise<void> {
    return this.#registry.idle();
  }

  stop(): void {
    this.#registry.stop();
  }

  get generations(): number {
    return this.#registry.size;
  }

  get instances(): Instance[] {
    return this.#registry.instances;
  }

  /** Calls a plugin again that keeps failing. @returns false: there is none of that name */
  reset(plugin: string): boolean {
    const found = this.#registry.instances.filter(({ spec }) => spec.name === plugin);
    for (const { breaker } of found) breaker.succeeded();
    return found.length > 0;
  }

  get timings(): Timing[] {
    return this.#timings.all;
  }

  get metrics(): PluginMetric[] {
    return this.#metrics.all;
  }
}
