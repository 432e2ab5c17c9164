import type { CounterReader } from "../counters.ts";
import type { EventCount } from "./event-counts.ts";
import { CONTENT_TYPES, type Family, formatFor, labels } from "./exposition.ts";
import { EVENT_LOOP, inTurns, type Pace, Turn } from "./pace.ts";
import { hookFamilies, pluginFamilies } from "./plugin-families.ts";
import type { ProcessVitals } from "./process-vitals.ts";
import { render } from "./render.ts";
import { counterOf, eventFamilies, gauge, processFamilies, workerFamilies } from "./state-families.ts";
import { endpointFamilies, flexgateFamilies, routeFamilies, type Row } from "./traffic-families.ts";
import { upstreamFamilies } from "./upstream-families.ts";
import type { WorkerTotals } from "./worker-reports.ts";

/** Whatever matched no route; no route can be called so. */
export const NO_ROUTE = "(none)";

/** What there is to count, by slot. */
export interface MeteredSpec {
  readonly version: number;
  readonly routes: ReadonlyArray<{ readonly id: string; readonly slot: number }>;
  readonly endpoints: ReadonlyArray<{ readonly upstream: string; readonly endpoint: string; readonly slot: number }>;
}

/** Everything that a metrics page is made of; asked for each time. */
export interface MetricsSources {
  readonly counters: CounterReader;
  spec(): MeteredSpec;
  /** Of all workers; of this process, where it serves itself. */
  workers(): Promise<WorkerTotals>;
  /** Of this process, beside its traffic: that is in the reports. */
  events(): readonly EventCount[];
  seats(): ReadonlyArray<{ readonly number: number; readonly state: string; readonly restarts: number }>;
  reload(): ReloadState;
  vitals(): ProcessVitals;
  readonly build: Readonly<Record<string, string>>;
}

export interface ReloadState {
  /** Did the last attempt succeed? */
  readonly successful: boolean;
  /** When the configuration in force was applied: since the epoch. */
  readonly appliedAtSeconds: number;
}

export interface MetricsAsk {
  readonly accept: string | null;
  /** Also the names that FlexGate used. */
  readonly flexgate: boolean;
}

export interface MetricsReply {
  readonly contentType: string;
  readonly text: AsyncGenerator<string>;
}

/** `/metrics`: what is known of everything, as Prometheus wants it. */
export class MetricsPage {
  readonly #sources: MetricsSources;
  readonly #pace: Pace;

  constructor(sources: MetricsSources, pace: Pace = EVENT_LOOP) {
    this.#sources = sources;
    this.#pace = pace;
  }

  read({ accept, flexgate }: MetricsAsk): MetricsReply {
    const format = formatFor(accept);
    return { contentType: CONTENT_TYPES[format], text: this.#text(format, flexgate) };
  }

  async *#text(format: "text" | "openmetrics", flexgate: boolean): AsyncGenerator<string> {
    const totals = await this.#sources.workers();
    const turn = new Turn(this.#pace);
    // What workers say was read and added up in this one.
    await turn.end();
    const { version, routes, endpoints } = this.#sources.spec();
    const all = [{ id: NO_ROUTE, slot: 0 }, ...routes];
    const routeRows = await this.#rows(all, ({ id }) => labels({ route: id }), turn);
    const endpointRows = await this.#rows(endpoints, ({ upstream, endpoint }) => labels({ upstream, endpoint }), turn);
    const families = [
      ...routeFamilies(routeRows),
      ...(flexgate ? flexgateFamilies(routeRows) : []),
      ...endpointFamilies(endpointRows),
      ...(await upstreamFamilies(
        totals.workers.map(({ report }) => report),
        turn,
      )),
      ...this.#stateFamilies(totals, version),
    ];
    const plugins = pluginFamilies(
      totals.plugins,
      families.map(({ name }) => name),
    );
    yield* render([...families, ...plugins], format, turn);
  }

  async #rows<T extends { readonly slot: number }>(
    items: readonly T[],
    labelsOf: (item: T) => string,
    turn: Turn,
  ): Promise<Row[]> {
    const rows: Row[] = [];
    const read = (item: T) =>
      void rows.push({ labels: labelsOf(item), totals: this.#sources.counters.read(item.slot) });
    await inTurns(items, read, turn);
    return rows;
  }

  #stateFamilies(totals: WorkerTotals, version: number): Family[] {
    const sources = this.#sources;
    const seats = sources.seats();
    const states = Map.groupBy(seats, ({ state }) => state);
    const { successful, appliedAtSeconds } = sources.reload();
    const build: Family = { ...gauge("sluice_build_info", "What runs.", [[labels(sources.build), 1]]), type: "info" };
    return [
      ...hookFamilies(totals.hooks),
      ...eventFamilies([...totals.events, ...sources.events()]),
      ...workerFamilies(totals),
      gauge(
        "sluice_workers",
        "Worker processes by state; none where one process does everything.",
        [...states].map(([state, { length }]) => [labels({ state }), length]),
      ),
      counterOf(
        "sluice_worker_restarts_total",
        "Workers that took the place of one that died.",
        // Those that retire are not in a place any more.
        seats.flatMap(({ number, state, restarts }) =>
          state === "retiring" ? [] : [[labels({ worker: String(number) }), restarts] as const],
        ),
      ),
      gauge("sluice_scrape_silent_workers", "Workers that did not answer this scrape in time.", [["", totals.silent]]),
      gauge("sluice_config_version", "Grows with each configuration that is applied.", [["", version]]),
      gauge("sluice_config_last_reload_successful", "1: the last configuration was applied.", [
        ["", Number(successful)],
      ]),
      gauge("sluice_config_last_reload_success_timestamp_seconds", "When it was.", [["", appliedAtSeconds]]),
      build,
      ...processFamilies(sources.vitals()),
    ];
  }
}
