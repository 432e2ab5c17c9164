import { claimNewAddresses } from "./control/claim-new-addresses.ts";
import type { SpecTarget } from "./control/reconciler.ts";
import type { WorkerEvent } from "./control/workers/messages.ts";
import { Supervisor, type WorkerState } from "./control/workers/supervisor.ts";
import type { ListenerSpec, SnapshotSpec } from "./model/snapshot-spec.ts";
import { CounterPages } from "./observability/counter-pages.ts";
import { type CounterReader, Counters, SLOT_SIZE } from "./observability/counters.ts";
import type { Logger } from "./observability/logger.ts";
import { Recorder } from "./observability/recorder.ts";
import { createHookPage, HookPage, HOOK_PAGE_BYTES, type NamedHookPage } from "./plugin-services/hook-page.ts";
import { MemoryKv } from "./plugin-services/memory-kv.ts";
import { createPluginHost, type LocalPluginHost } from "./plugin-services/plugin-host.ts";
import { shippedPlugin } from "./plugin-services/shipped-plugin.ts";
import { type BoundListener, DataPlane } from "./proxy/data-plane.ts";
import { Watchdog } from "./watchdog.ts";

/** Serves specifications: one data plane in this process, or several in processes of their own. */
export interface Serving extends SpecTarget {
  readonly listeners: BoundListener[];
  readonly counters: CounterReader;
  /** Empty when there are none: this process serves itself. */
  readonly workers: readonly WorkerState[];
  /** Health checks of the listeners fail from now on. */
  notReady(): void;
  /** Stops accepting, lets what runs finish for so long, then ends it. @returns false when something was cut off */
  drain(withinMs: number): Promise<boolean>;
  /** Ends everything now; may be called at any time. */
  stop(): void;
}

const FIRST_SLOTS = 64;

export class ServingHere implements Serving {
  readonly counters = new Counters(new Float64Array(SLOT_SIZE * FIRST_SLOTS));
  readonly workers = [];
  readonly #recorder: Recorder;
  readonly #plane: DataPlane;
  readonly #plugins: LocalPluginHost;
  readonly #watchdog: Watchdog;
  #prepared: SnapshotSpec | null = null;
  #ours: readonly ListenerSpec[] = [];

  constructor(log: Logger) {
    this.#recorder = new Recorder(this.counters, log);
    const clock = { now: () => performance.now(), wall: () => Date.now() };
    const memory = new SharedArrayBuffer(HOOK_PAGE_BYTES);
    this.#watchdog = new Watchdog(memory, log);
    this.#plugins = createPluginHost({ log, shipped: shippedPlugin, watch: new HookPage(memory) });
    const deps = { clock, random: Math.random, telemetry: this.#recorder, plugins: this.#plugins };
    this.#plane = new DataPlane(deps);
  }

  get listeners(): BoundListener[] {
    return this.#plane.listeners;
  }

  async prepare(spec: SnapshotSpec): Promise<void> {
    await claimNewAddresses(this.#ours, spec.listeners);
    this.#growCounters(spec);
    // Before the first set-up, which may block already.
    if (spec.plugins.instances.length > 0) this.#watchdog.start();
    await this.#plane.prepare(spec);
    this.#prepared = spec;
  }

  commit(): void {
    this.#plane.commit();
    this.#ours = this.#prepared!.listeners;
    this.#recorder.configure(this.#prepared!.accessLog);
  }

  abort(): void {
    this.#plane.abort();
  }

  notReady(): void {
    this.#plane.notReady();
  }

  async drain(withinMs: number): Promise<boolean> {
    const drained = await Promise.race([this.#plane.drain().then(() => true), Bun.sleep(withinMs).then(() => false)]);
    this.stop();
    return drained;
  }

  stop(): void {
    this.#plane.stop();
    this.#watchdog.stop();
    this.#plugins.close();
  }

  #growCounters(spec: SnapshotSpec): void {
    const slots = spec.routes.reduce((most, route) => Math.max(most, route.slot + 1), 1);
    if (slots > this.counters.slots) this.counters.grow(Math.max(slots, this.counters.slots * 2));
  }
}

/** @param command starts worker `number` */
export function serveInWorkers(log: Logger, command: (number: number) => readonly string[]): Serving {
  const pages = new CounterPages();
  const plugins = { kv: new MemoryKv(), hookSign: () => hookSign(log) };
  const supervisor = new Supervisor({ command, pages, plugins, notice: (event) => logWorkerEvent(log, event) });
  return Object.assign(supervisor, { counters: pages });
}

function hookSign(log: Logger): NamedHookPage | null {
  try {
    return createHookPage();
  } catch (error) {
    log.warn({ reason: (error as Error).message }, "a hook that blocks a worker will not be named: no shared memory");
    return null;
  }
}

function logWorkerEvent(log: Logger, event: WorkerEvent): void {
  const { type, ...rest } = event;
  if (type === "worker.started" || type === "worker.retired" || type === "worker.renewed") return log.info(rest, type);
  if (event.type === "worker.silent") return log.error(rest, `${type}: ${silenceOf(event)}`);
  log.error(rest, type);
}

function silenceOf({ hook, pending }: Extract<WorkerEvent, { type: "worker.silent" }>): string {
  if (hook !== null) return `a hook blocked the worker: ${hook}`;
  if (pending.length === 0) return "the worker does not answer";
  return `the worker does not answer; perhaps one of these hooks blocked it after an await: ${pending.join(", ")}`;
}
