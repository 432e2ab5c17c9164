import type { EventCount } from "./event-counts.ts";
import type { HookTiming, PluginNumbers, WorkerReport } from "./worker-report.ts";

/** A worker, as long as it lives, and how to ask it. */
export interface AskedWorker {
  /** Never used twice. */
  readonly serial: number;
  /** Of the place it fills: the label. */
  readonly number: number;
  /** Rejects when it has ended. */
  ask(): Promise<WorkerReport>;
}

export interface HeardWorker {
  readonly number: number;
  readonly report: WorkerReport;
}

/** What all workers say together. */
export interface WorkerTotals {
  /** Those that answered in time. */
  readonly workers: readonly HeardWorker[];
  /** Serve, and did not answer in time. */
  readonly silent: number;
  readonly hooks: readonly HookTiming[];
  readonly plugins: readonly PluginNumbers[];
  readonly events: readonly EventCount[];
  /** CPU time by place, of all that ever filled it. */
  readonly cpuSeconds: ReadonlyMap<number, number>;
}

/** How long a scrape waits for workers: one that does not answer for longer is about to be killed anyway. */
const PATIENCE_MS = 250;

export interface WorkerReportsOptions {
  /** Those that live now, also such as drain. */
  readonly workers: () => readonly AskedWorker[];
  readonly patienceMs?: number;
}

/**
 * Asks all workers at once and adds up what they say. Counters never go back: of a worker that is silent the last word counts, and
 * of one that has ended it is kept. Who asks while an answer is under way gets the same one.
 */
export class WorkerReports {
  readonly #options: WorkerReportsOptions;
  readonly #last = new Map<number, HeardWorker>();
  readonly #kept = new CounterSums();
  #asking: Promise<WorkerTotals> | null = null;

  constructor(options: WorkerReportsOptions) {
    this.#options = options;
  }

  ask(): Promise<WorkerTotals> {
    this.#asking ??= this.#ask().finally(() => (this.#asking = null));
    return this.#asking;
  }

  /** What a worker says between two scrapes, or before it ends; nothing of one that has ended, whose numbers are kept already. */
  hear(serial: number, report: WorkerReport): void {
    const worker = this.#options.workers().find((candidate) => candidate.serial === serial);
    if (worker !== undefined) this.#last.set(serial, { number: worker.number, report });
  }

  async #ask(): Promise<WorkerTotals> {
    const asked = this.#options.workers();
    const late = new Promise<null>((resolve) =>
      setTimeout(resolve, this.#options.patienceMs ?? PATIENCE_MS, null).unref(),
    );
    const answers = await Promise.all(
      asked.map(async (worker) => {
        const answer = worker.ask().then(
          (report) => (this.hear(worker.serial, report), report),
          () => null,
        );
        return { number: worker.number, report: await Promise.race([answer, late]) };
      }),
    );
    this.#keepEnded();
    const sums = new CounterSums().merge(this.#kept);
    for (const heard of this.#last.values()) sums.addWorker(heard);
    const workers = answers.filter((answer): answer is HeardWorker => answer.report !== null);
    return { workers, silent: answers.length - workers.length, ...sums.all };
  }

  #keepEnded(): void {
    const alive = new Set(this.#options.workers().map(({ serial }) => serial));
    for (const [serial, heard] of this.#last) {
      if (alive.has(serial)) continue;
      this.#last.delete(serial);
      this.#kept.addWorker(heard);
    }
  }
}

/** Counters of reports, added up by what they are called. */
class CounterSums {
  readonly #hooks = new Map<string, HookTiming & { buckets: number[]; sumMs: number; failures: number }>();
  readonly #plugins = new Map<string, { words: Omit<PluginNumbers, "series">; series: Map<string, number[]> }>();
  readonly #events = new Map<string, [EventCount[0], string, number]>();
  readonly #cpuSeconds = new Map<number, number>();

  addWorker({ number, report }: HeardWorker): void {
    this.#add(report);
    this.#addCpu(number, report.process.cpuSeconds);
  }

  #add({ hooks, plugins, events }: Pick<WorkerReport, "hooks" | "plugins" | "events">): void {
    for (const hook of hooks) this.#addHook(hook);
    for (const metric of plugins) this.#addPlugin(metric);
    for (const [metric, labels, count] of events) {
      const key = `${metric} ${labels}`;
      const known = this.#events.get(key);
      if (known === undefined) this.#events.set(key, [metric, labels, count]);
      else known[2] += count;
    }
  }

  merge(other: CounterSums): this {
    const { cpuSeconds, ...counters } = other.all;
    this.#add(counters);
    for (const [number, seconds] of cpuSeconds) this.#addCpu(number, seconds);
    return this;
  }

  #addCpu(number: number, seconds: number): void {
    this.#cpuSeconds.set(number, (this.#cpuSeconds.get(number) ?? 0) + seconds);
  }

  get all(): Pick<WorkerTotals, "hooks" | "plugins" | "events" | "cpuSeconds"> {
    const plugins = [...this.#plugins.values()].map(({ words, series }) => ({ ...words, series: [...series] }));
    const [hooks, events] = [[...this.#hooks.values()], [...this.#events.values()]];
    return { hooks, plugins, events, cpuSeconds: this.#cpuSeconds };
  }

  #addHook(hook: HookTiming): void {
    const key = `${hook.plugin} ${hook.phase}`;
    const known = this.#hooks.get(key);
    if (known === undefined) {
      this.#hooks.set(key, { ...hook, buckets: [...hook.buckets] });
      return;
    }
    addTo(known.buckets, hook.buckets);
    known.sumMs += hook.sumMs;
    known.failures += hook.failures;
  }

  #addPlugin({ series, ...words }: PluginNumbers): void {
    // Two generations may disagree about bounds while they live side by side: numbers of different ones cannot be added.
    const key = `${words.name} ${words.kind} ${words.buckets.join()}`;
    let known = this.#plugins.get(key);
    if (known === undefined) this.#plugins.set(key, (known = { words, series: new Map() }));
    known.words = words;
    for (const [labels, numbers] of series) {
      const row = known.series.get(labels);
      if (row === undefined) known.series.set(labels, [...numbers]);
      else addTo(row, numbers);
    }
  }
}

function addTo(sums: number[], numbers: readonly number[]): void {
  for (let i = 0; i < numbers.length; i++) sums[i] = (sums[i] ?? 0) + numbers[i]!;
}
