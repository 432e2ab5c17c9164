import type { PluginMetric } from "../proxy/pipeline/plugin-metrics.ts";

/** `name{label="v"}` → value; a histogram as `name_count` and `name_sum`. Names without the prefix that tells plugins apart. */
export function metricsOf(metrics: readonly PluginMetric[], plugin: string): Record<string, number> {
  const prefix = `sluice_plugin_${plugin.replaceAll(/[^a-zA-Z0-9_]/g, "_")}_`;
  const all: Record<string, number> = {};
  for (const metric of metrics) {
    const name = metric.name.startsWith(prefix) ? metric.name.slice(prefix.length) : metric.name;
    for (const [labels, row] of metric.series) {
      const suffix = labels === "" ? "" : `{${labels}}`;
      if (metric.kind === "counter") all[name + suffix] = row[0]!;
      else {
        all[`${name}_count${suffix}`] = row[metric.buckets.length]!;
        all[`${name}_sum${suffix}`] = row[metric.buckets.length + 1]!;
      }
    }
  }
  return all;
}
