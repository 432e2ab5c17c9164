import { formatDiagnostic, type Diagnostic } from "./control/config/diagnostics.ts";
import { loadConfig, type LoadedConfig, type LoadOptions } from "./control/config/load-config.ts";
import { SlotTable } from "./control/config/slot-table.ts";
import { type ConfigWatch, watchConfig } from "./control/config/watch-files.ts";
import type { EndpointVerdict } from "./proxy/upstream/health/health-registry.ts";
import { HealthChecks } from "./control/health/health-checks.ts";
import type { PluginState } from "./control/plugins/plugin-states.ts";
import { Reconciler, type Outcome, type Proposal } from "./control/reconciler.ts";
import type { WorkerState } from "./control/workers/supervisor.ts";
import type { SnapshotSpec } from "./model/snapshot-spec.ts";
import type { CounterReader } from "./observability/counters.ts";
import type { EventBus } from "./observability/event-bus.ts";
import { loggedEvents } from "./observability/event-log.ts";
import { createLogger, type LoggerOptions, type LogOutput } from "./observability/logger.ts";
import type { BoundListener } from "./proxy/data-plane.ts";
import { ownCommand } from "./own-command.ts";
import { openCatalogue } from "./plugin-workshop.ts";
import { type Serving, serveInWorkers, ServingHere } from "./serving.ts";
import { workerWords } from "./worker.ts";

/** Why a proxy did not start, in lines for the operator. */
export class StartError extends Error {
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join("\n"));
    this.lines = lines;
  }
}

export interface StartOptions extends LoadOptions {
  readonly file: string;
  /** `develop`: logs for a person whatever the configuration says. */
  readonly mode: "serve" | "develop";
  readonly warn: (line: string) => void;
}

export interface RunningProxy {
  readonly log: LogOutput;
  readonly listeners: BoundListener[];
  readonly counters: CounterReader;
  /** Empty where this process serves by itself. */
  readonly workers: readonly WorkerState[];
  readonly spec: SnapshotSpec;
  /** Of those that a configuration has asked for. */
  readonly plugins: readonly PluginState[];
  reload(): Promise<void>;
  /** Stops accepting, lets what runs finish for at most `drainMs`, then ends it. @returns false when something was cut off. */
  shutDown(): Promise<boolean>;
}

/** Reads the configuration, binds, serves, and follows changes of the files it came from. @throws StartError */
export async function startProxy(options: StartOptions): Promise<RunningProxy> {
  const proxy = new Proxy(options);
  await proxy.start();
  return proxy;
}

class Proxy implements RunningProxy {
  readonly #options: StartOptions;
  readonly #reconciler: Reconciler<readonly Diagnostic[]>;
  readonly #slots = new SlotTable();
  readonly #plugins = openCatalogue();
  readonly #checks = new HealthChecks({
    clock: { now: () => performance.now(), wall: () => Date.now() },
    random: Math.random,
    onVerdict: (verdict, isFirst) => this.#spread(verdict, isFirst),
  });
  #loaded: LoadedConfig | null = null;
  #logging: LoggerOptions = { level: "info", format: "json" };
  #output: LogOutput | null = null;
  /** Of what this process knows: with workers, each has its own for what happens to requests. */
  #events: EventBus | null = null;
  #serving: Serving | null = null;
  #prepared: SnapshotSpec | null = null;
  #spec: SnapshotSpec | null = null;
  #watch: ConfigWatch | null = null;
  /** Workers outlive a process that just exits, and drain; a second signal means: now. */
  readonly #onExit = () => {
    this.#serving?.stop();
    this.#checks.stop();
    this.#plugins.close();
  };

  constructor(options: StartOptions) {
    this.#options = options;
    this.#reconciler = new Reconciler(() => this.#propose(), {
      prepare: (spec) => this.#prepare(spec),
      commit: (version) => this.#commit(version),
      abort: () => this.#serving?.abort(),
    });
  }

  get log(): LogOutput {
    return this.#output!;
  }

  get listeners(): BoundListener[] {
    return this.#serving!.listeners;
  }

  get counters(): CounterReader {
    return this.#serving!.counters;
  }

  get workers(): readonly WorkerState[] {
    return this.#serving!.workers;
  }

  get spec(): SnapshotSpec {
    return this.#spec!;
  }

  get plugins(): readonly PluginState[] {
    return this.#plugins.states;
  }

  async start(): Promise<void> {
    process.on("exit", this.#onExit);
    const outcome = await this.#reconciler.reconcile();
    if (outcome.kind === "invalid") throw new StartError(outcome.error.map(formatDiagnostic));
    if (outcome.kind === "refused") throw startError(outcome.error);
    for (const warning of this.#loaded!.warnings) this.#options.warn(formatDiagnostic(warning));
    this.#watch = watchConfig(this.#loaded!.files, () => void this.reload());
    const { log } = this.log;
    for (const { name, host, port, tls } of this.listeners) {
      log.info(
        { listener: name },
        `listening on ${tls ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}`,
      );
    }
    log.info(
      {
        config: this.#options.file,
        routes: this.spec.routes.length,
        upstreams: this.spec.upstreams.length,
        workers: Math.max(1, this.workers.length),
      },
      "sluice is ready",
    );
  }

  async reload(): Promise<void> {
    const before = this.#logging;
    const outcome = await this.#reconciler.reconcile();
    this.#relog(before);
    this.#report(outcome);
    // Also after a refusal: the mistake may be in a file that was not read before.
    this.#watch?.update(this.#loaded!.files);
  }

  async shutDown(): Promise<boolean> {
    this.#watch?.close();
    const { delayMs, drainMs } = this.spec.shutdown;
    this.#serving!.notReady();
    if (delayMs > 0) await Bun.sleep(delayMs);
    this.log.log.info({ drainMs }, "draining");
    const drained = await this.#serving!.drain(drainMs);
    process.off("exit", this.#onExit);
    this.#checks.stop();
    this.#plugins.close();
    this.log.log.info(drained ? "stopped" : "stopped; what was still running was cut off");
    this.log.flush();
    return drained;
  }

  async #propose(): Promise<Proposal<readonly Diagnostic[]>> {
    const loaded = await loadConfig(this.#options.file, {
      ...this.#options,
      slots: this.#slots,
      plugins: this.#plugins,
      showPluginErrors: this.#options.mode === "develop",
    });
    this.#loaded = loaded;
    if (!loaded.ok) return { ok: false, error: loaded.errors };
    this.#logging = loaded.logging;
    return { ok: true, spec: loaded.spec };
  }

  async #prepare(spec: SnapshotSpec): Promise<void> {
    this.#serving ??= this.#choose(spec);
    await this.#serving.prepare(spec);
    this.#prepared = spec;
  }

  async #commit(version: number): Promise<void> {
    await this.#serving!.commit(version);
    const [before, now] = [this.#spec, this.#prepared!];
    this.#spec = now;
    this.#checks.follow(now);
    this.#plugins.retain(now.plugins.instances.map(({ module }) => module));
    if (this.#serving instanceof ServingHere && before !== null && now.workers > Math.max(1, before.workers))
      this.#options.warn("workers: going from 1 to more takes a restart; one process keeps serving");
    if (before !== null && now.rateLimits.maxKeys !== before.rateLimits.maxKeys)
      this.#options.warn("rateLimit.maxKeys: this change takes a restart");
  }

  /** Once: in-process and workers cannot follow one another without letting go of connections. */
  #choose(spec: SnapshotSpec): Serving {
    const { mode } = this.#options;
    const rateKeys = spec.rateLimits.maxKeys;
    const log = mode === "develop" ? ({ ...this.#logging, format: "pretty" } as const) : this.#logging;
    this.#output = createLogger(log);
    this.#events = loggedEvents(this.#output.log);
    // `bun --watch` puts a new process in the place of this one, which would meet its workers still holding the ports.
    if (spec.workers > 1 && mode === "develop") this.#options.warn("workers: development serves in one process");
    if (spec.workers === 1 || mode === "develop") return new ServingHere(this.#output.log, this.#events, rateKeys);
    return serveInWorkers({
      log: this.#output.log,
      events: this.#events,
      rateKeys,
      command: (number) => [...ownCommand(), ...workerWords(number, log)],
      verdicts: () => this.#checks.verdicts,
    });
  }

  #spread(verdict: EndpointVerdict, isFirst: boolean): void {
    this.#serving!.verdict(verdict);
    const { upstream, endpoint, healthy, reason } = verdict;
    // Nothing has changed for those who counted on it.
    if (isFirst && healthy)
      return this.log.log.debug({ upstream, endpoint, reason }, "the first health check succeeded");
    this.#events!.publish({ type: healthy ? "upstream.recovered" : "upstream.unhealthy", upstream, endpoint, reason });
  }

  /** How loud the log is changes at once; its format, and what workers write, with the next start. */
  #relog(before: LoggerOptions): void {
    const now = this.#logging;
    if (now.level !== before.level) this.log.log.level = now.level;
    const needsRestart = now.format !== before.format || (now.level !== before.level && this.workers.length > 0);
    if (needsRestart) this.#options.warn("logging: this change takes full effect with a restart");
  }

  #report(outcome: Outcome<readonly Diagnostic[]>): void {
    const { log } = this.log;
    if (outcome.kind === "unchanged") return void log.debug("configuration unchanged");
    if (outcome.kind === "applied") {
      for (const warning of this.#loaded?.warnings ?? []) log.warn(formatDiagnostic(warning));
      const { version, routes } = outcome.spec;
      return this.#events!.publish({ type: "config.reloaded", version, routes: routes.length });
    }
    const errors = outcome.kind === "invalid" ? outcome.error.map(formatDiagnostic) : startError(outcome.error).lines;
    this.#events!.publish({ type: "config.rejected", errors });
  }
}

function startError(error: unknown): StartError {
  return new StartError([error instanceof Error ? error.message : String(error)]);
}
