import { VERSION } from "./cli/version.ts";
import { Configuration } from "./configuration.ts";
import { formatDiagnostic, type Diagnostic } from "./control/config/diagnostics.ts";
import type { ConfigFrame, LoadOptions } from "./control/config/load-config.ts";
import { SlotTable } from "./control/config/slot-table.ts";
import { type ConfigWatch, watchConfig } from "./control/config/watch-files.ts";
import type { PluginState } from "./control/plugins/plugin-states.ts";
import { isStoreThere } from "./control/store/store-url.ts";
import { Reconciler, type Outcome } from "./control/reconciler.ts";
import type { WorkerState } from "./control/workers/supervisor.ts";
import { Management } from "./management/management.ts";
import type { Proxied } from "./management/proxied.ts";
import type { SnapshotSpec } from "./model/snapshot-spec.ts";
import type { CounterReader } from "./observability/counters.ts";
import type { LoggerOptions, LogOutput } from "./observability/logger.ts";
import { openCatalogue } from "./plugin-workshop.ts";
import { proxiedTraffic } from "./proxied-traffic.ts";
import type { BoundListener } from "./proxy/data-plane.ts";
import { refusedFor, StartError, startError } from "./start-error.ts";
import { Traffic } from "./traffic.ts";

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
  /** Where the admin API listens; null: there is none. */
  readonly adminUrl: string | null;
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
  readonly #plugins = openCatalogue();
  readonly #slots = new SlotTable((slot, was) => this.#traffic!.forget(slot, was));
  readonly #configuration: Configuration;
  readonly #reconciler: Reconciler<readonly Diagnostic[]>;
  #traffic: Traffic | null = null;
  #management: Management | null = null;
  #watch: ConfigWatch | null = null;
  /** Of what is served. */
  #warned: readonly string[] = [];
  adminUrl: string | null = null;
  /** Workers outlive a process that just exits, and drain; a second signal means: now. */
  readonly #onExit = () => {
    this.#traffic?.stop();
    this.#plugins.close();
  };

  constructor(options: StartOptions) {
    this.#options = options;
    const showPluginErrors = options.mode === "develop";
    this.#configuration = new Configuration({
      ...options,
      plugins: this.#plugins,
      slots: this.#slots,
      showPluginErrors,
    });
    this.#reconciler = new Reconciler(() => this.#configuration.propose(), {
      prepare: (spec) => this.#traffic!.prepare(spec),
      commit: (version) => this.#traffic!.commit(version).then(() => this.#slots.served(this.spec)),
      abort: () => this.#traffic!.abort(),
    });
  }

  get log(): LogOutput {
    return this.#traffic!.log;
  }

  get listeners(): BoundListener[] {
    return this.#traffic!.listeners;
  }

  get counters(): CounterReader {
    return this.#traffic!.counters;
  }

  get workers(): readonly WorkerState[] {
    return this.#traffic!.workers;
  }

  get spec(): SnapshotSpec {
    return this.#traffic!.spec;
  }

  get plugins(): readonly PluginState[] {
    return this.#plugins.states;
  }

  async start(): Promise<void> {
    process.on("exit", this.#onExit);
    const first = await this.#configuration.read();
    const { frame } = first;
    if (frame === null || (!first.ok && !mayBeWhole(frame))) throw refusedFor(first);
    const { mode, warn } = this.#options;
    this.#traffic = new Traffic(frame.logging, { mode, warn, plugins: this.#plugins });
    this.#management = new Management({
      first: frame,
      configuration: this.#configuration,
      proxied: this.#proxied(),
      version: VERSION,
    });
    await this.#management.open().catch((error: unknown) => {
      throw startError(error);
    });
    const outcome = await this.#reconciler.reconcile();
    if (outcome.kind === "invalid") throw new StartError(outcome.error.map(formatDiagnostic));
    if (outcome.kind === "refused") throw startError(outcome.error);
    this.#warned = this.#configuration.loaded!.warnings.map(formatDiagnostic);
    for (const line of this.#warned) warn(line);
    this.#watch = watchConfig(this.#configuration.loaded!.files, () => void this.reload());
    try {
      this.adminUrl = this.#management.serve();
    } catch (error) {
      throw startError(error);
    }
    this.#tellReady();
  }

  async reload(): Promise<void> {
    await this.#reload();
  }

  async shutDown(): Promise<boolean> {
    const traffic = this.#traffic!;
    this.#watch?.close();
    const { delayMs, drainMs } = this.spec.shutdown;
    traffic.notReady();
    if (delayMs > 0) await Bun.sleep(delayMs);
    this.log.log.info({ drainMs }, "draining");
    const drained = await traffic.drain(drainMs);
    await this.#management?.stop();
    process.off("exit", this.#onExit);
    this.#plugins.close();
    this.log.log.info(drained ? "stopped" : "stopped; what was still running was cut off");
    this.log.flush();
    return drained;
  }

  #proxied(): Proxied {
    return proxiedTraffic({
      traffic: this.#traffic!,
      slots: this.#slots,
      plugins: () => this.plugins,
      reload: () => this.#reload(),
      reconcile: () => this.#reconcile(),
    });
  }

  async #reload(): Promise<Outcome<readonly Diagnostic[]>> {
    const before = this.#configuration.accepted!.logging;
    const outcome = await this.#reconcile();
    this.#relog(before);
    this.#report(outcome);
    // Also after a refusal: the mistake may be in a file that was not read before.
    this.#watch?.update(this.#configuration.loaded!.files);
    return outcome;
  }

  /** A name that nothing is known of yet changes nothing that is served, and is to be looked up all the same. */
  async #reconcile(): Promise<Outcome<readonly Diagnostic[]>> {
    const outcome = await this.#reconciler.reconcile();
    if (outcome.kind === "applied" || outcome.kind === "unchanged")
      this.#management?.follow(this.#configuration.accepted!);
    return outcome;
  }

  #tellReady(): void {
    const { log } = this.log;
    for (const { name, host, port, tls } of this.listeners) {
      log.info(
        { listener: name },
        `listening on ${tls ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}`,
      );
    }
    if (this.adminUrl !== null) log.info(`admin API on ${this.adminUrl}, its documentation on ${this.adminUrl}/docs`);
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

  /** How loud the log is changes at once; its format, and what workers write, with the next start. */
  #relog(before: LoggerOptions): void {
    const now = this.#configuration.accepted!.logging;
    if (now.level !== before.level) this.log.log.level = now.level;
    const needsRestart = now.format !== before.format || (now.level !== before.level && this.workers.length > 0);
    if (needsRestart) this.#options.warn("logging: this change takes full effect with a restart");
  }

  /** What was not told before: a change that was discovered tells nothing of the file. */
  #warn(): void {
    const lines = (this.#configuration.loaded?.warnings ?? []).map(formatDiagnostic);
    for (const line of lines) if (!this.#warned.includes(line)) this.log.log.warn(line);
    this.#warned = lines;
  }

  #report(outcome: Outcome<readonly Diagnostic[]>): void {
    const { log } = this.log;
    if (outcome.kind === "unchanged") return void log.debug("configuration unchanged");
    if (outcome.kind === "applied") {
      this.#warn();
      const { version, routes } = outcome.spec;
      return this.#traffic!.tell({ type: "config.reloaded", version, routes: routes.length });
    }
    const errors = outcome.kind === "invalid" ? outcome.error.map(formatDiagnostic) : startError(outcome.error).lines;
    this.#traffic!.tell({ type: "config.rejected", errors });
  }
}

/** What the file lacks may be in the store: but nothing is made for a file that is wrong. */
function mayBeWhole({ management }: ConfigFrame): boolean {
  return management.admin !== null && isStoreThere(management.storeUrl);
}
