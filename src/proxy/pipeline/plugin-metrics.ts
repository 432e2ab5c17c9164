import type { Counter, Histogram, Labels, Metrics } from "../../contract/services.ts";

const MAX_SERIES = 100;
const OVERFLOW = 'overflow="true"';
const NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
/** Seconds, as Prometheus clients have them. */
const DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** One metric of a plugin, for whoever renders it. */
export interface PluginMetric {
  readonly name: string;
  readonly kind: "counter" | "histogram";
  readonly help: string;
  readonly buckets: readonly number[];
  /** By rendered labels: a counter's value, or a histogram's buckets, then count and sum. */
  readonly series: ReadonlyMap<string, Float64Array>;
}

/** What plugins count. A name keeps its numbers over generations. */
export class PluginMetrics {
  readonly #metrics = new Map<string, Metric>();

  of(plugin: string): Metrics {
    const prefix = `sluice_plugin_${plugin.replaceAll(/[^a-zA-Z0-9_]/g, "_")}_`;
    return {
      counter: (name, help = "") => this.#metric(prefix + checked(name), "counter", help, []),
      histogram: (name, { help = "", buckets = DEFAULT_BUCKETS } = {}) =>
        this.#metric(prefix + checked(name), "histogram", help, buckets),
    };
  }

  get all(): PluginMetric[] {
    return [...this.#metrics.values()];
  }

  #metric(name: string, kind: Metric["kind"], help: string, buckets: readonly number[]): Metric {
    const known = this.#metrics.get(name);
    const isSame = known !== undefined && known.kind === kind && known.buckets.join() === buckets.join();
    if (isSame) return known;
    if (known !== undefined && known.kind !== kind)
      throw new TypeError(`the metric ${name} is a ${known.kind} already`);
    const metric = new Metric(name, kind, help, buckets);
    this.#metrics.set(name, metric);
    return metric;
  }
}

class Metric implements Counter, Histogram, PluginMetric {
  readonly name: string;
  readonly kind: "counter" | "histogram";
  readonly help: string;
  readonly buckets: readonly number[];
  readonly series = new Map<string, Float64Array>();

  constructor(name: string, kind: Metric["kind"], help: string, buckets: readonly number[]) {
    this.name = name;
    this.kind = kind;
    this.help = help;
    this.buckets = buckets;
  }

  inc(by = 1, labels?: Labels): void {
    if (!(by >= 0)) throw new RangeError(`a counter only grows; ${by} is not a step`);
    this.#row(labels)[0]! += by;
  }

  observe(value: number, labels?: Labels): void {
    const row = this.#row(labels);
    const at = this.buckets.findIndex((bound) => value <= bound);
    if (at >= 0) row[at]!++;
    row[this.buckets.length]!++;
    row[this.buckets.length + 1]! += value;
  }

  #row(labels: Labels | undefined): Float64Array {
    const key = labels === undefined ? "" : rendered(labels);
    const known = this.series.get(key);
    if (known !== undefined) return known;
    const bounded = this.series.size < MAX_SERIES ? key : OVERFLOW;
    let row = this.series.get(bounded);
    if (row === undefined) {
      row = new Float64Array(this.kind === "counter" ? 1 : this.buckets.length + 2);
      this.series.set(bounded, row);
    }
    return row;
  }
}

function checked(name: string): string {
  if (!NAME.test(name)) throw new TypeError(`"${name}" is not a metric's name: letters, digits and "_"`);
  return name;
}

function rendered(labels: Labels): string {
  return Object.entries(labels)
    .map(
      ([name, value]) =>
        `${checked(name)}="${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`,
    )
    .join(",");
}
