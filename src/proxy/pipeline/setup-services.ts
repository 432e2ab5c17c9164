import type { Plugin } from "../../contract/define-plugin.ts";
import type { Setup } from "../../contract/services.ts";
import type { Clock } from "../../model/ports.ts";
import type { PluginInstanceSpec } from "../../model/snapshot-spec.ts";
import { describeHookError } from "./hook-error.ts";
import { PluginCache } from "./plugin-cache.ts";
import type { PluginHost } from "./plugin-host.ts";
import type { PluginMetrics } from "./plugin-metrics.ts";

export interface SetupServicesParts {
  readonly host: PluginHost;
  readonly clock: Clock;
  readonly metrics: PluginMetrics;
  readonly fetch: typeof fetch;
  readonly redisUrl: string | null;
}

/** What plugins are given when they are set up. */
export class SetupServices {
  readonly #parts: SetupServicesParts;

  constructor(parts: SetupServicesParts) {
    this.#parts = parts;
  }

  load(module: string): Promise<Plugin> {
    return this.#parts.host.load(module);
  }

  setupOf(spec: PluginInstanceSpec, signal: AbortSignal): Setup<unknown> {
    const { host, clock, metrics, redisUrl } = this.#parts;
    const log = host.log({ plugin: spec.name });
    return {
      config: spec.config,
      log,
      signal,
      kv: host.kv(spec.name, redisUrl),
      cache: new PluginCache(clock),
      fetch: this.#parts.fetch,
      metrics: metrics.of(spec.name),
      every: (ms, run) => {
        host.every(ms, signal, async () => {
          try {
            await this.watched(`${spec.name} every`, () => run(signal));
          } catch (cause) {
            if (!signal.aborted) log.error(describeHookError(spec.file, "every", cause));
          }
        });
      },
    };
  }

  /** Runs `work` under a name, for whoever finds the thread blocked. */
  watched<T>(text: string, work: () => T): T {
    const { cell, label } = this.#parts.host.watch;
    cell[0] = label.call(this.#parts.host.watch, text);
    try {
      return work();
    } finally {
      cell[0] = 0;
    }
  }
}
