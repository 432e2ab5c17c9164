import { createDataPlane } from "./create-data-plane.ts";
import { slotsOf } from "./control/config/slots-of.ts";
import { claimNewAddresses } from "./control/claim-new-addresses.ts";
import type { EndpointVerdict } from "./proxy/upstream/health/health-registry.ts";
import type { SpecTarget } from "./control/reconciler.ts";
import type { WorkerEvent } from "./control/workers/messages.ts";
import { type AskedForMetrics, Supervisor, type WorkerState } from "./control/workers/supervisor.ts";
import type { ProxyEvent } from "./model/ports.ts";
import type { ListenerSpec, SnapshotSpec } from "./model/snapshot-spec.ts";
import { CounterPages } from "./observability/counter-pages.ts";
import { type CounterReader, Counters, SLOT_SIZE } from "./observability/counters.ts";
import type { EventBus } from "./observability/event-bus.ts";
import type { Logger } from "./observability/logger.ts";
import { LoopLag } from "./observability/metrics/process-vitals.ts";
import { reportOf } from "./report-of.ts";
import { Recorder } from "./observability/recorder.ts";
import { createHookPage, HookPage, HOOK_PAGE_BYTES, type NamedHookPage } from "./plugin-services/hook-page.ts";
import { MemoryKv } from "./plugin-services/memory-kv.ts";
import { createPluginHost, type LocalPluginHost } from "./plugin-services/plugin-host.ts";
import { shippedPlugin } from "./plugin-services/shipped-plugin.ts";
import type { BoundListener, DataPlane } from "./proxy/data-plane.ts";
import type { PlaneView } from "./proxy/plane-view.ts";
import { localState } from "./proxy/shared-state.ts";
import { NOT_SHARED, WorkerMemory } from "./shared-state/worker-memory.ts";
import { Watchdog } from "./watchdog.ts";

/** Serves specifications: one data plane in this process, or several in processes of their own. */
export interface Serving extends SpecTarget {
  readonly listeners: BoundListener[];
  readonly counters: CounterReader;
  /** Empty when there are none: this process serves itself. */
  readonly workers: readonly WorkerState[];
  /** An active check has changed its mind about an endpoint. */
  verdict(verdict: EndpointVerdict): void;
  /** What each worker knows. */
  views(): Promise<PlaneView[]>;
  /** Who is asked for metrics. */
  readonly asked: readonly AskedForMetrics[];
  /** Calls a plugin again that was suspended. @returns false: there is none of that name */
  resetPlugin(name: string): Promise<boolean>;
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
  readonly #close: () => void;
  readonly #lag = new LoopLag();
  #prepared: SnapshotSpec | null = null;
  #ours: readonly ListenerSpec[] = [];

  /** @param rateKeys that rate limits remember, at least */
  constructor(log: Logger, events: EventBus, rateKeys: number) {
    this.#recorder = new Recorder(this.counters, log, events);
    const memory = new SharedArrayBuffer(HOOK_PAGE_BYTES);
    this.#watchdog = new Watchdog(memory, log);
    this.#plugins = createPluginHost({ log, shipped: shippedPlugin, watch: new HookPage(memory) });
    const [telemetry, plugins] = [this.#recorder, this.#plugins];
    const { plane, close } = createDataPlane({ telemetry, plugins, shared: localState(rateKeys) });
    this.#plane = plane;
    this.#close = close;
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

  verdict(verdict: EndpointVerdict): void {
    this.#plane.verdict(verdict);
  }

  async views(): Promise<PlaneView[]> {
    return [this.#plane.view()];
  }

  get asked(): AskedForMetrics[] {
    return [{ serial: 1, number: 1, ask: async () => reportOf(this.#plane, this.#lag, this.#recorder.counts.all) }];
  }

  async resetPlugin(name: string): Promise<boolean> {
    return this.#plane.plugins.reset(name);
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
    this.#close();
  }

  #growCounters(spec: SnapshotSpec): void {
    const slots = slotsOf(spec);
    if (slots > this.counters.slots) this.counters.grow(Math.max(slots, this.counters.slots * 2));
  }
}

export interface WorkersOptions {
  readonly log: Logger;
  readonly events: EventBus;
  /** Gets what workers tell, beside `events`. */
  readonly alerts: EventBus;
  /** That rate limits remember, at least. */
  readonly rateKeys: number;
  /** Starts worker `number`. */
  readonly command: (number: number) => readonly string[];
  /** What active checks have found out, for workers that begin to serve. */
  readonly verdicts: () => readonly EndpointVerdict[];
}

export function serveInWorkers({ log, events, alerts, rateKeys, command, verdicts }: WorkersOptions): Serving {
  const pages = new CounterPages();
  const plugins = { kv: new MemoryKv(), hookSign: () => hookSign(log) };
  const notice = (event: WorkerEvent) =>
    event.type === "worker.restarted" ? events.publish(event) : logWorkerEvent(log, event);
  const shared = workerMemory(rateKeys, log);
  const reported = (event: ProxyEvent) => alerts.publish(event);
  const supervisor = new Supervisor({ command, pages, plugins, shared, verdicts, notice, reported });
  return Object.assign(supervisor, { counters: pages });
}

function workerMemory(rateKeys: number, log: Logger): WorkerMemory | null {
  try {
    const noRow = () => log.warn("so many workers run that one counts its requests in flight alone");
    return new WorkerMemory(rateKeys, noRow);
  } catch (error) {
    log.warn({ reason: (error as Error).message }, `${NOT_SHARED}: each worker has its own`);
    return null;
  }
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
