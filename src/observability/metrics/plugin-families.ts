import { type Family, HistogramWords, labels, line } from "./exposition.ts";
import type { HookTiming, PluginNumbers } from "./worker-report.ts";

const HOOK_BUCKETS = 24;
/** 2^i µs in seconds. */
const HOOK_BOUNDS = Array.from({ length: HOOK_BUCKETS - 1 }, (_, i) => 2 ** i / 1e6);

/** How long hooks take and how often they fail. */
export function hookFamilies(hooks: readonly HookTiming[]): Family[] {
  const time = "sluice_plugin_hook_seconds";
  const failures = "sluice_plugin_hook_failures_total";
  const its = ({ plugin, phase }: HookTiming) => labels({ plugin, phase });
  const words = new HistogramWords(time, HOOK_BOUNDS);
  return [
    {
      name: time,
      type: "histogram",
      help: "Time in hooks of plugins, by plugin and phase; waiting counts.",
      *blocks(format) {
        for (const hook of hooks)
          yield words.lines(its(hook), { counts: hook.buckets, sum: hook.sumMs / 1000 }, format);
      },
    },
    {
      name: failures,
      type: "counter",
      help: "Hooks that threw or took too long.",
      *blocks() {
        for (const hook of hooks) yield line(failures, its(hook), hook.failures);
      },
    },
  ];
}

/** What plugins count for themselves. @param taken names of other families: a plugin may not have them */
export function pluginFamilies(metrics: readonly PluginNumbers[], taken: Iterable<string>): Family[] {
  const families = new Map<string, Family>();
  const names = new Set(taken);
  for (const metric of metrics) {
    const family = metric.kind === "counter" ? counterOf(metric) : histogramOf(metric);
    if (names.has(family.name)) continue;
    names.add(family.name);
    families.set(family.name, family);
  }
  return [...families.values()];
}

function counterOf({ name, help, series }: PluginNumbers): Family {
  // A counter without the ending is no counter to OpenMetrics.
  const total = name.endsWith("_total") ? name : `${name}_total`;
  return {
    name: total,
    type: "counter",
    help: help === "" ? "Counted by a plugin." : help,
    *blocks() {
      for (const [its, numbers] of series) yield line(total, withoutReserved(its), numbers[0] ?? 0);
    },
  };
}

function histogramOf({ name, help, buckets, series }: PluginNumbers): Family {
  const words = new HistogramWords(name, buckets);
  return {
    name,
    type: "histogram",
    help: help === "" ? "Measured by a plugin." : help,
    *blocks(format) {
      for (const [its, numbers] of series) yield words.lines(withoutReserved(its), rowOf(buckets, numbers), format);
    },
  };
}

/** A plugin's row has the count of all where an exposition wants what is above the last bound. */
function rowOf(bounds: readonly number[], numbers: readonly number[]) {
  const counts = bounds.map((_, i) => numbers[i] ?? 0);
  const below = counts.reduce((sum, count) => sum + count, 0);
  const all = numbers[bounds.length] ?? 0;
  return { counts: [...counts, Math.max(0, all - below)], sum: numbers[bounds.length + 1] ?? 0 };
}

const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/gs;

/** One label that Prometheus keeps for itself would make it refuse the whole page. */
function withoutReserved(rendered: string): string {
  if (!/(?:^|,)(?:le|__\w*)="/.test(rendered)) return rendered;
  return [...rendered.matchAll(LABEL)]
    .map(([, name = "", value]) => `${name === "le" || name.startsWith("__") ? `exported_${name}` : name}="${value}"`)
    .join(",");
}
