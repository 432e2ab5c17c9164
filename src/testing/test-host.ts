import { definePlugin, type Plugin } from "../contract/define-plugin.ts";
import { t } from "../contract/schema.ts";
import type { Kv, Log } from "../contract/services.ts";
import type { PluginHost } from "../proxy/pipeline/plugin-host.ts";
import type { TestClock } from "./test-clock.ts";

export interface TestLog {
  readonly level: keyof Log;
  readonly message: string;
  readonly [field: string]: unknown;
}

export const PLUGIN_MODULE = "test:plugin";
export const STATE_MODULE = "test:state";

export interface TestHostParts {
  readonly plugin: Plugin;
  readonly state: Readonly<Record<string, unknown>>;
  readonly clock: TestClock;
  readonly kv: Kv;
  readonly logs: TestLog[];
}

/** A plugin's world in a test: it logs into a list, keeps in memory, and reaches nobody. */
export function testHost({ plugin, state, clock, kv, logs }: TestHostParts): PluginHost {
  return {
    load: async (module) => (module === PLUGIN_MODULE ? plugin : stateProvider(state)),
    kv: () => kv,
    log: (fields) => logInto(logs, fields),
    watch: { cell: new Int32Array(64), label: () => 0 },
    fetch,
    every: (ms, signal, work) => clock.every(ms, signal, work),
  };
}

/** Stands in front of the plugin and provides what it `needs`. */
function stateProvider(state: Readonly<Record<string, unknown>>): Plugin {
  return definePlugin({
    name: "test-state",
    config: t.Object({}),
    setup: () => ({ request: (ctx) => void Object.assign(ctx.state, state) }),
  });
}

function logInto(logs: TestLog[], fields: Readonly<Record<string, unknown>>): Log {
  const write =
    (level: keyof Log) =>
    (message: string, more: Readonly<Record<string, unknown>> = {}) =>
      void logs.push({ ...fields, ...more, level, message });
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}
