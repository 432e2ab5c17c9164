import { createDataPlane } from "./create-data-plane.ts";
import type { EndpointVerdict } from "./proxy/upstream/health/health-registry.ts";
import type { Vitals } from "./control/workers/messages.ts";
import { type Upward, upwardChannel } from "./control/workers/serve-channel.ts";
import { HOOK_SIGN, SHARED_ROW } from "./control/workers/worker-process.ts";
import type { SnapshotSpec } from "./model/snapshot-spec.ts";
import { Counters, SLOT_SIZE } from "./observability/counters.ts";
import {
  createLogger,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  type LogOutput,
} from "./observability/logger.ts";
import { mapPage } from "./observability/page-file.ts";
import { loggedEvents } from "./observability/event-log.ts";
import { ALERT_TYPES } from "./observability/metrics/alert-types.ts";
import { LoopLag } from "./observability/metrics/process-vitals.ts";
import { Recorder } from "./observability/recorder.ts";
import { reportOf } from "./report-of.ts";
import { HookPage, HOOK_PAGE_BYTES, mapHookPage } from "./plugin-services/hook-page.ts";
import { createPluginHost, type LocalPluginHost } from "./plugin-services/plugin-host.ts";
import { shippedPlugin } from "./plugin-services/shipped-plugin.ts";
import type { DataPlane } from "./proxy/data-plane.ts";
import { localState, type SharedState } from "./proxy/shared-state.ts";
import { inheritedState, NOT_SHARED } from "./shared-state/worker-memory.ts";
import type { Io } from "./main.ts";

/** The words a supervisor starts a worker with; `workerCommand` reads them. */
export function workerWords(number: number, log: LoggerOptions): string[] {
  return ["worker", String(number), log.level, log.format];
}

/** `sluice worker`: for supervisors only. Serves what comes through the channel; when that closes, drains and ends. */
export async function workerCommand(args: string[], io: Io): Promise<number> {
  const upward = upwardChannel();
  const [number = "", level = "info", format = "json"] = args;
  if (upward === null) {
    io.err("sluice worker: only `sluice start` starts workers");
    return 2;
  }
  // Ctrl-C reaches the whole process group: what it means is the supervisor's to say.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
  const options = {
    level: level as LogLevel,
    format: format === "pretty" ? "pretty" : "json",
    worker: Number(number),
  } as const;
  return new Worker(createLogger(options), upward).serve();
}

/** A data plane at the end of a channel. */
class Worker {
  readonly #output: LogOutput;
  readonly #counters = new Counters(new Float64Array(SLOT_SIZE));
  readonly #recorder: Recorder;
  readonly #plane: DataPlane;
  readonly #plugins: LocalPluginHost;
  readonly #upward: Upward;
  #prepared: SnapshotSpec | null = null;
  #serves: SnapshotSpec | null = null;
  /** How many the first version needed: with those every successor begins. */
  #modulesAtFirst: number | null = null;
  readonly #lag = new LoopLag();
  #leaving: Promise<boolean> | null = null;
  #leave: () => void = () => undefined;

  constructor(output: LogOutput, upward: Upward) {
    this.#output = output;
    this.#upward = upward;
    const events = loggedEvents(output.log);
    events.subscribe(ALERT_TYPES, (event) => upward.report(event));
    this.#recorder = new Recorder(this.#counters, output.log, events);
    this.#plugins = createPluginHost({ log: output.log, shipped: shippedPlugin, watch: hookPage(), memory: upward.kv });
    const [telemetry, plugins] = [this.#recorder, this.#plugins];
    this.#plane = createDataPlane({ telemetry, plugins, shared: sharedState(output.log) }).plane;
    process.on("uncaughtException", (err) => output.log.error({ err }, "uncaught exception"));
    process.on("unhandledRejection", (err) => output.log.error({ err }, "unhandled rejection"));
  }

  /** Resolves with the exit code when everything has ended. */
  serve(): Promise<number> {
    const left = new Promise<number>((resolve) => (this.#leave = () => resolve(0)));
    this.#upward.serve(
      {
        prepare: ({ spec, page }) => this.#prepare(JSON.parse(spec) as SnapshotSpec, page),
        commit: () => this.#commit(),
        abort: () => this.#abort(),
        notReady: () => (this.#plane.notReady(), null),
        verdicts: (verdicts) => this.#hear(verdicts),
        drain: async ({ withinMs, patienceMs }) => ({ complete: await this.#drain(withinMs, patienceMs) }),
        ping: () => this.#vitals(),
        view: () => this.#plane.view(),
        metrics: () => reportOf(this.#plane, this.#lag, this.#recorder.counts.all),
        resetPlugin: (name) => this.#plane.plugins.reset(name),
      },
      // Nobody keeps the port, and no orphan serves an old configuration.
      () => void this.#drain(this.#serves?.shutdown.drainMs ?? 0, 0),
    );
    return left;
  }

  #vitals(): Vitals {
    const modulesLoaded = this.#plugins.modulesLoaded - (this.#modulesAtFirst ?? this.#plugins.modulesLoaded);
    return { rssBytes: process.memoryUsage.rss(), modulesLoaded, listeners: this.#plane.listeners };
  }

  async #prepare(spec: SnapshotSpec, page: string | null): Promise<null> {
    if (page !== null) this.#counters.moveTo(mapPage(page));
    await this.#plane.prepare(spec);
    this.#prepared = spec;
    return null;
  }

  #commit(): null {
    this.#plane.commit();
    this.#modulesAtFirst ??= this.#plugins.modulesLoaded;
    this.#serves = this.#prepared;
    this.#recorder.configure(this.#serves!.accessLog);
    return null;
  }

  #hear(verdicts: readonly EndpointVerdict[]): null {
    for (const verdict of verdicts) this.#plane.verdict(verdict);
    return null;
  }

  #abort(): null {
    this.#plane.abort();
    return null;
  }

  /** A later call may only shorten the time. */
  async #drain(withinMs: number | null, patienceMs: number): Promise<boolean> {
    this.#leaving ??= quietTurn(patienceMs / 4)
      .then(() => this.#plane.drain(patienceMs))
      .then(() => true);
    const late = withinMs === null ? [] : [Bun.sleep(withinMs).then(() => false)];
    const complete = await Promise.race([this.#leaving, ...late]);
    this.#plane.stop();
    // After the answer to this very question has gone up, and what was cut off has been logged.
    setImmediate(() => {
      this.#output.flush();
      this.#leave();
    });
    return complete;
  }
}

/** Where the supervisor reads which hook runs, should this process fall silent. */
function hookPage(): HookPage {
  const path = process.env[HOOK_SIGN] ?? "";
  // Not for what hooks start.
  delete process.env[HOOK_SIGN];
  return path === "" ? new HookPage(new ArrayBuffer(HOOK_PAGE_BYTES)) : mapHookPage(path);
}

/** What it shares with the other workers; without a word from the supervisor, nothing. */
function sharedState(log: Logger): SharedState {
  const row = process.env[SHARED_ROW];
  delete process.env[SHARED_ROW];
  if (row === undefined) return localState();
  try {
    return inheritedState(row);
  } catch (error) {
    log.warn({ reason: (error as Error).message }, `${NOT_SHARED}: this worker has its own`);
    return localState();
  }
}

/** A turn of the event loop so short has accepted nothing and left the accept queues empty. */
const QUIET_MS = 0.02;

/**
 * Waits for a moment to close listeners in: the kernel resets connections that wait to be accepted then. On a busy worker turns may
 * take long, and are taken as quiet the sooner the less time is left.
 */
async function quietTurn(withinMs: number): Promise<void> {
  const start = performance.now();
  for (let before = start; before - start < withinMs;) {
    await new Promise((resolve) => setImmediate(resolve));
    const now = performance.now();
    if (now - before < QUIET_MS + (now - start) / withinMs) return;
    before = now;
  }
}
