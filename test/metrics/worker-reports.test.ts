import { describe, expect, test } from "bun:test";
import { EventCounts } from "../../src/observability/metrics/event-counts.ts";
import { pluginFamilies } from "../../src/observability/metrics/plugin-families.ts";
import { headOf } from "../../src/observability/metrics/exposition.ts";
import { type PluginNumbers, workerReport, type WorkerReport } from "../../src/observability/metrics/worker-report.ts";
import { type AskedWorker, WorkerReports } from "../../src/observability/metrics/worker-reports.ts";
import type { DataPlane } from "../../src/proxy/data-plane.ts";
import { Timings } from "../../src/proxy/pipeline/timings.ts";
import { PluginMetrics } from "../../src/proxy/pipeline/plugin-metrics.ts";
import { parseStrictly } from "./strict-parser.ts";
import { sampleReport } from "./sample-report.ts";

/** Workers that a test starts, silences and ends. */
class Stage {
  workers: AskedWorker[] = [];
  asked = 0;
  readonly reports = new WorkerReports({ workers: () => this.workers, patienceMs: 0 });

  add(serial: number, answer: () => Promise<WorkerReport>): this {
    const ask = () => (this.asked++, answer());
    this.workers = [...this.workers.filter((worker) => worker.serial !== serial), { serial, number: serial, ask }];
    return this;
  }

  end(serial: number): void {
    this.workers = this.workers.filter((worker) => worker.serial !== serial);
  }

  /** So much was counted of the sample's plugin counter, over all workers. */
  async hits(): Promise<number> {
    const { plugins } = await this.reports.ask();
    return plugins[0]?.series[0]?.[1][0] ?? 0;
  }
}

const says = (n: number) => () => Promise.resolve(sampleReport(n));
const never = () => new Promise<WorkerReport>(() => undefined);

describe("reports of workers", () => {
  test("are added up by name and labels", async () => {
    const { workers, hooks, plugins, events, silent } = await new Stage().add(1, says(1)).add(2, says(2)).reports.ask();
    expect(workers.map(({ number }) => number)).toEqual([1, 2]);
    expect(silent).toBe(0);
    expect(hooks).toMatchObject([{ plugin: "jwt", phase: "request", sumMs: 7, failures: 3 }]);
    expect(hooks[0]!.buckets.slice(0, 3)).toEqual([0, 3, 4]);
    expect(plugins.map(({ series }) => series)).toEqual([
      [
        ['kind="a\\"b"', [3]],
        ["", [2]],
      ],
      [["", [2, 3, 11, 15]]],
    ]);
    expect(events).toContainEqual(["outlier_ejections", 'upstream="api",endpoint="http://10.0.0.1:80"', 3]);
  });

  test("are not waited for, and what a silent worker said last still counts", async () => {
    const stage = new Stage().add(1, says(3)).add(2, says(4));
    expect(await stage.hits()).toBe(7);
    stage.add(2, never);
    const totals = await stage.reports.ask();
    expect(totals.silent).toBe(1);
    expect(totals.workers.map(({ number }) => number)).toEqual([1]);
    expect(await stage.hits()).toBe(7);
  });

  test("of one that has ended are kept, once, also when it answers late", async () => {
    const stage = new Stage().add(1, says(3));
    await stage.hits();
    let answer: (report: WorkerReport) => void = () => undefined;
    stage.add(1, () => new Promise((resolve) => (answer = resolve)));
    const asking = stage.hits();
    stage.end(1);
    stage.add(2, says(1));
    expect(await asking).toBe(3);
    answer(sampleReport(9));
    await Promise.resolve();
    expect(await stage.hits()).toBe(4);
    expect(await stage.hits()).toBe(4);
  });

  test("add CPU time up by place, so that it does not go back when a worker is replaced", async () => {
    const stage = new Stage();
    const cpu = async () => Object.fromEntries((await stage.reports.ask()).cpuSeconds);
    const worker = (serial: number, n: number) => ({ serial, number: 1, ask: says(n) });
    stage.workers = [worker(7, 4)];
    expect(await cpu()).toEqual({ 1: 1 });
    // The old one drains beside the new one.
    stage.workers = [worker(7, 8), worker(8, 2)];
    expect(await cpu()).toEqual({ 1: 2.5 });
    stage.workers = [worker(8, 4)];
    expect(await cpu()).toEqual({ 1: 3 });
  });

  test("of one that refuses to answer are those it gave before", async () => {
    const stage = new Stage().add(1, says(2));
    await stage.hits();
    stage.add(1, () => Promise.reject(new Error("the worker has ended")));
    expect(await stage.hits()).toBe(2);
  });

  test("are asked for once by all who ask at the same time", async () => {
    const stage = new Stage().add(1, says(1));
    await Promise.all([stage.hits(), stage.hits(), stage.hits()]);
    expect(stage.asked).toBe(1);
  });

  test("come from a data plane as it is", () => {
    const timings = new Timings();
    timings.of("jwt", "request").record(0.003);
    const metrics = new PluginMetrics();
    metrics.of("jwt").counter("tokens").inc(2, { kind: "good" });
    const events = new EventCounts();
    events.count({ type: "outlier.ejected", upstream: "api", endpoint: "e", forMs: 1, reason: "" });
    // The types must fit, too: these are what a data plane has.
    const planes: DataPlane[] = [];
    const endpoints = planes.flatMap((plane) => [...plane.endpoints]);
    const upstreams = planes.flatMap((plane) => [...(plane.snapshot?.upstreams.values() ?? [])]);
    const report = workerReport({
      process: sampleReport(1).process,
      endpoints,
      upstreams,
      queues: [],
      listeners: planes.flatMap(({ listeners }) => listeners),
      timings: timings.all,
      metrics: metrics.all,
      events: events.all,
    });
    expect(JSON.parse(JSON.stringify(report))).toEqual(report as never);
    expect(report.hooks[0]!.buckets[2]).toBe(1);
    expect(report.plugins).toMatchObject([{ name: "sluice_plugin_jwt_tokens", series: [['kind="good"', [2]]] }]);
    expect(report.events).toEqual([["outlier_ejections", 'upstream="api",endpoint="e"', 1]]);
  });
});

describe("metrics of plugins", () => {
  const counter = (name: string, series: PluginNumbers["series"]): PluginNumbers => {
    return { name, kind: "counter", help: "", buckets: [], series };
  };
  const shown = (metrics: readonly PluginNumbers[], taken: readonly string[] = []) => {
    const families = pluginFamilies(metrics, taken);
    const text = families.map((family) => headOf(family, "text") + [...family.blocks("text")].join("")).join("");
    return text === "" ? [] : parseStrictly(text, "text");
  };

  test("end in _total where they count", () => {
    expect(shown([counter("a", [["", [1]]]), counter("b_total", [["", [1]]])]).map(({ name }) => name)).toEqual([
      "a_total",
      "b_total",
    ]);
  });

  test("never have a name that somebody else has", () => {
    const metrics = [counter("a", [["", [1]]]), counter("a_total", [["", [2]]]), counter("http_requests", [["", [3]]])];
    expect(shown(metrics, ["http_requests_total"]).map(({ name }) => name)).toEqual(["a_total"]);
  });

  test("cannot break the page with their help text", () => {
    const [family] = shown([{ ...counter("a", [["", [1]]]), help: 'two\nlines \\ "and" more' }]);
    expect(family!.help).toBe('two\\nlines \\\\ "and" more');
  });

  test("cannot break the page with labels that Prometheus keeps for itself", () => {
    const all = new PluginMetrics();
    all
      .of("odd")
      .histogram("seconds", { buckets: [1] })
      .observe(2, { le: "7", __name__: "x", fine: 'a,le="b\\' });
    const [family] = shown(all.all.map(({ series, ...words }) => ({ ...numbersOf(words), series: seriesOf(series) })));
    expect(family!.samples[0]!.labels).toEqual({
      exported_le: "7",
      exported___name__: "x",
      fine: 'a,le="b\\',
      le: "1",
    });
  });
});

function numbersOf({ name, kind, help, buckets }: Omit<PluginNumbers, "series">): Omit<PluginNumbers, "series"> {
  return { name, kind, help, buckets };
}

function seriesOf(series: ReadonlyMap<string, Float64Array>): Array<readonly [string, number[]]> {
  return [...series].map(([labels, numbers]) => [labels, [...numbers]]);
}

describe("counts of events", () => {
  test("are bounded, whatever is in them", () => {
    const counts = new EventCounts();
    for (let i = 0; i < 3000; i++)
      counts.count({
        type: "rate_limit.exceeded",
        limit: `l${i}`,
        route: null,
        by: "ip",
        requestId: "",
        mode: "shadow",
      });
    expect(counts.all).toHaveLength(1001);
    expect(counts.all.at(-1)).toEqual(["rate_limit_exceeded", 'overflow="true"', 2000]);
  });

  test("leave out what is no number", () => {
    const counts = new EventCounts();
    counts.count({ type: "listener.opened", listener: "web", address: "x" });
    expect(counts.all).toEqual([]);
  });
});
