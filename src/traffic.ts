import type { PluginCatalogue } from "./control/plugins/plugin-catalogue.ts";
import type { SlotKind } from "./control/config/slot-table.ts";
import { HealthChecks } from "./control/health/health-checks.ts";
import type { SpecTarget } from "./control/reconciler.ts";
import type { AskedForMetrics, WorkerState } from "./control/workers/supervisor.ts";
import type { ProxyEvent } from "./model/ports.ts";
import type { SnapshotSpec } from "./model/snapshot-spec.ts";
import type { CounterReader } from "./observability/counters.ts";
import { EventBus } from "./observability/event-bus.ts";
import { loggedEvents } from "./observability/event-log.ts";
import { ALERT_TYPES } from "./observability/metrics/alert-types.ts";
import { SlotTotals } from "./observability/metrics/slot-totals.ts";
import { EventCounts } from "./observability/metrics/event-counts.ts";
import { createLogger, type LoggerOptions, type LogOutput } from "./observability/logger.ts";
import { ownCommand } from "./own-command.ts";
import type { BoundListener } from "./proxy/data-plane.ts";
import type { PlaneView } from "./proxy/plane-view.ts";
import type { EndpointVerdict } from "./proxy/upstream/health/health-registry.ts";
import { type Serving, serveInWorkers, ServingHere } from "./serving.ts";
import { workerWords } from "./worker.ts";

export interface TrafficParts {
  /** `develop`: one process, and logs for a person, whatever the configuration says. */
  readonly mode: "serve" | "develop";
  readonly plugins: PluginCatalogue;
  readonly warn: (line: string) => void;
}

/** What is served: a data plane here or in workers, and the checks of its endpoints. */
export class Traffic implements SpecTarget {
  readonly log: LogOutput;
  /** Of what this process knows: with workers, each has its own for what happens to requests. */
  readonly events: EventBus;
  /** All that this process itself has told; the bus tells only so many. */
  readonly told = new EventCounts();
  /** What somebody should hear of, from here and from all workers; whoever told it has logged and counted it. */
  readonly alerts = new EventBus();
  /** Requests of routes that are gone, whose slots have other holders. */
  readonly forgotten = new SlotTotals();
  readonly #parts: TrafficParts;
  readonly #logging: LoggerOptions;
  readonly #checks = new HealthChecks({
    clock: { now: () => performance.now(), wall: () => Date.now() },
    random: Math.random,
    onVerdict: (verdict, isFirst) => this.#spread(verdict, isFirst),
  });
  #serving: Serving | null = null;
  #prepared: SnapshotSpec | null = null;
  #spec: SnapshotSpec | null = null;
  #next = Promise.withResolvers<void>();

  constructor(logging: LoggerOptions, parts: TrafficParts) {
    this.#parts = parts;
    this.#logging = parts.mode === "develop" ? { ...logging, format: "pretty" } : logging;
    this.log = createLogger(this.#logging);
    this.events = loggedEvents(this.log.log);
    this.events.subscribe(ALERT_TYPES, (event) => this.alerts.publish(event));
  }

  /** Of what was committed last. */
  get spec(): SnapshotSpec {
    return this.#spec!;
  }

  get listeners(): BoundListener[] {
    return this.#serving!.listeners;
  }

  get counters(): CounterReader {
    return this.#serving!.counters;
  }

  /** `slot` has another holder from now on, which begins at zero. */
  forget(slot: number, was: SlotKind): void {
    if (was === "route") this.forgotten.merge(this.counters.read(slot));
    this.counters.forget(slot);
  }

  get workers(): readonly WorkerState[] {
    return this.#serving!.workers;
  }

  /** Resolves when another version is served. */
  get nextVersion(): Promise<void> {
    return this.#next.promise;
  }

  /** What active checks say of endpoints. */
  get verdicts(): readonly EndpointVerdict[] {
    return this.#checks.verdicts;
  }

  get asked(): readonly AskedForMetrics[] {
    return this.#serving!.asked;
  }

  views(): Promise<PlaneView[]> {
    return this.#serving!.views();
  }

  resetPlugin(name: string): Promise<boolean> {
    return this.#serving!.resetPlugin(name);
  }

  async prepare(spec: SnapshotSpec): Promise<void> {
    this.#serving ??= this.#choose(spec);
    await this.#serving.prepare(spec);
    this.#prepared = spec;
  }

  async commit(version: number): Promise<void> {
    await this.#serving!.commit(version);
    const [before, now] = [this.#spec, this.#prepared!];
    this.#spec = now;
    this.#checks.follow(now);
    this.#next.resolve();
    this.#next = Promise.withResolvers();
    const { plugins, warn } = this.#parts;
    plugins.retain(now.plugins.instances.map(({ module }) => module));
    if (this.#serving instanceof ServingHere && before !== null && now.workers > Math.max(1, before.workers))
      warn("workers: going from 1 to more takes a restart; one process keeps serving");
    if (before !== null && now.rateLimits.maxKeys !== before.rateLimits.maxKeys)
      warn("rateLimit.maxKeys: this change takes a restart");
  }

  /** What has nothing to do with a single request. */
  tell(event: ProxyEvent): void {
    this.told.count(event);
    this.events.publish(event);
  }

  abort(): void | Promise<void> {
    return this.#serving?.abort();
  }

  notReady(): void {
    this.#serving!.notReady();
  }

  /** Stops accepting, lets what runs finish for so long. @returns false when something was cut off */
  async drain(withinMs: number): Promise<boolean> {
    const drained = await this.#serving!.drain(withinMs);
    this.#checks.stop();
    return drained;
  }

  /** Ends everything now. */
  stop(): void {
    this.#serving?.stop();
    this.#checks.stop();
  }

  /** Once: in-process and workers cannot follow one another without letting go of connections. */
  #choose(spec: SnapshotSpec): Serving {
    const { mode, warn } = this.#parts;
    const { log } = this.log;
    const rateKeys = spec.rateLimits.maxKeys;
    // `bun --watch` puts a new process in the place of this one, which would meet its workers still holding the ports.
    if (spec.workers > 1 && mode === "develop") warn("workers: development serves in one process");
    if (spec.workers === 1 || mode === "develop") return new ServingHere(log, this.events, rateKeys);
    return serveInWorkers({
      log,
      events: this.events,
      alerts: this.alerts,
      rateKeys,
      command: (number) => [...ownCommand(), ...workerWords(number, this.#logging)],
      verdicts: () => this.#checks.verdicts,
    });
  }

  #spread(verdict: EndpointVerdict, isFirst: boolean): void {
    this.#serving!.verdict(verdict);
    const { upstream, endpoint, healthy, reason } = verdict;
    // Nothing has changed for those who counted on it.
    if (isFirst && healthy)
      return this.log.log.debug({ upstream, endpoint, reason }, "the first health check succeeded");
    this.tell({ type: healthy ? "upstream.recovered" : "upstream.unhealthy", upstream, endpoint, reason });
  }
}
