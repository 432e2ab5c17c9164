import { type ConfigAccepted, loadConfig, type LoadedConfig, type LoadOptions } from "./control/config/load-config.ts";
import { formatDiagnostic, type Diagnostic } from "./control/config/diagnostics.ts";
import { SlotTable } from "./control/config/slot-table.ts";
import { type ConfigWatch, watchConfig } from "./control/config/watch-files.ts";
import { Reconciler, type Outcome, type Proposal } from "./control/reconciler.ts";
import type { Telemetry } from "./model/ports.ts";
import type { SnapshotSpec } from "./model/snapshot-spec.ts";
import { AccessLog } from "./observability/access-log.ts";
import { Counters, SLOT_SIZE } from "./observability/counters.ts";
import { logEvent } from "./observability/event-log.ts";
import { createLogger, type LogOutput } from "./observability/logger.ts";
import { DataPlane, type BoundListener } from "./proxy/data-plane.ts";
import { BindError, claimAddresses } from "./proxy/listener/listener-set.ts";

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
  readonly counters: Counters;
  readonly spec: SnapshotSpec;
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
  readonly counters = new Counters(new Float64Array(SLOT_SIZE * 64));
  readonly #options: StartOptions;
  readonly #plane: DataPlane;
  readonly #reconciler: Reconciler<readonly Diagnostic[]>;
  readonly #slots = new SlotTable();
  #loaded: LoadedConfig | null = null;
  #output: LogOutput | null = null;
  #access: AccessLog | null = null;
  #spec: SnapshotSpec | null = null;
  #watch: ConfigWatch | null = null;

  constructor(options: StartOptions) {
    this.#options = options;
    const clock = { now: () => performance.now(), wall: () => Date.now() };
    this.#plane = new DataPlane({ clock, random: Math.random, telemetry: this.#telemetry() });
    this.#reconciler = new Reconciler(() => this.#propose(), {
      prepare: (spec) => this.#prepare(spec),
      commit: () => this.#commit(),
      abort: () => this.#plane.abort(),
    });
  }

  get log(): LogOutput {
    return this.#output!;
  }

  get listeners(): BoundListener[] {
    return this.#plane.listeners;
  }

  get spec(): SnapshotSpec {
    return this.#spec!;
  }

  async start(): Promise<void> {
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
      { config: this.#options.file, routes: this.spec.routes.length, upstreams: this.spec.upstreams.length },
      "sluice is ready",
    );
  }

  async reload(): Promise<void> {
    const outcome = await this.#reconciler.reconcile();
    this.#report(outcome);
    // Also after a refusal: the mistake may be in a file that was not read before.
    this.#watch?.update(this.#loaded!.files);
  }

  async shutDown(): Promise<boolean> {
    this.#watch?.close();
    const { delayMs, drainMs } = this.spec.shutdown;
    this.#plane.notReady();
    if (delayMs > 0) await Bun.sleep(delayMs);
    this.log.log.info({ drainMs }, "draining");
    const drained = await Promise.race([this.#plane.drain().then(() => true), Bun.sleep(drainMs).then(() => false)]);
    this.#plane.stop();
    this.log.log.info(drained ? "stopped" : "stopped; what was still running was cut off");
    this.log.flush();
    return drained;
  }

  #propose(): Proposal<readonly Diagnostic[]> {
    const loaded = loadConfig(this.#options.file, { ...this.#options, slots: this.#slots });
    this.#loaded = loaded;
    return loaded.ok ? { ok: true, spec: loaded.spec } : { ok: false, error: loaded.errors };
  }

  async #prepare(spec: SnapshotSpec): Promise<void> {
    const mine = new Set((this.#spec?.listeners ?? []).map(({ host, port }) => `${host} ${port}`));
    await claimAddresses(spec.listeners.filter(({ host, port }) => !mine.has(`${host} ${port}`)));
    this.#plane.prepare(spec);
    this.#growCounters(spec);
    if (this.#output === null && this.#loaded?.ok === true) this.#openLog(this.#loaded, spec);
    this.#spec = spec;
  }

  #commit(): void {
    this.#plane.commit();
    this.#access?.configure(this.#spec!.accessLog);
  }

  #openLog(loaded: ConfigAccepted, spec: SnapshotSpec): void {
    const { level, format } = loaded.logging;
    this.#output = createLogger({ level, format: this.#options.mode === "develop" ? "pretty" : format });
    this.#access = new AccessLog(this.#output.log, spec.accessLog, Math.random);
  }

  #growCounters(spec: SnapshotSpec): void {
    const slots = spec.routes.reduce((most, route) => Math.max(most, route.slot + 1), 1);
    if (slots <= this.counters.slots) return;
    this.counters.grow(Math.max(slots, this.counters.slots * 2));
  }

  #telemetry(): Telemetry {
    return {
      exchangeEnded: (exchange) => {
        this.counters.record(exchange);
        this.#access?.record(exchange);
      },
      event: (event) => {
        if (this.#output !== null) logEvent(this.#output.log, event);
      },
    };
  }

  #report(outcome: Outcome<readonly Diagnostic[]>): void {
    const { log } = this.log;
    if (outcome.kind === "unchanged") return void log.debug("configuration unchanged");
    if (outcome.kind === "applied") {
      for (const warning of this.#loaded?.warnings ?? []) log.warn(formatDiagnostic(warning));
      return void log.info(
        { version: outcome.spec.version, routes: outcome.spec.routes.length },
        "configuration reloaded",
      );
    }
    const lines = outcome.kind === "invalid" ? outcome.error.map(formatDiagnostic) : startError(outcome.error).lines;
    for (const line of lines) log.error(line);
    log.error("configuration rejected; the last good one keeps serving");
  }
}

function startError(error: unknown): StartError {
  if (error instanceof BindError) return new StartError([error.message]);
  return new StartError([error instanceof Error ? error.message : String(error)]);
}
