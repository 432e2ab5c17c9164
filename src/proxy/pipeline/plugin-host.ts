import type { Plugin } from "../../contract/define-plugin.ts";
import type { Kv, Log } from "../../contract/services.ts";

/** What a data plane gets from outside for its plugins. */
export interface PluginHost {
  /** The plugin that `module` (an absolute path, or `shipped:NAME`) exports. Rejects with what is wrong with it. */
  load(module: string): Promise<Plugin>;
  /** The store of the plugin called `name`; `redisUrl` as in the specification. */
  kv(name: string, redisUrl: string | null): Kv;
  /** `fields` stand in every line. */
  log(fields: Readonly<Record<string, unknown>>): Log;
  readonly watch: HookWatch;
  /** `fetch` as the machine has it; what plugins get is guarded. */
  readonly fetch: typeof fetch;
  /** Calls `work` again and again until `signal` aborts; never twice at once. */
  every(ms: number, signal: AbortSignal, work: () => Promise<void>): void;
}

/** As many hooks as have numbers. */
export const HOOK_LABELS = 512;
/** Counts hooks: who sees it move knows that none of them has kept the thread, however late the timers are. */
export const HOOK_RUNS = HOOK_LABELS + 1;

/**
 * Who runs now, for whoever finds this thread blocked: `cell[0]` is the number of the hook that has the thread, 0 for none;
 * `cell[n]` counts the promises of hook n that are pending: one of those has the thread when it is blocked after an `await`.
 * Plain stores, because every hook makes two.
 */
export interface HookWatch {
  /** 0: the number of the hook that has the thread; `HOOK_RUNS`: how many have had it; others: how many of that number wait. */
  readonly cell: Int32Array;
  /** A number for `jwt request`, the same one for the same text; 0 when there are no numbers left. */
  label(text: string): number;
}
