import { claimNewAddresses } from "./control/claim-new-addresses.ts";
import type { SpecTarget } from "./control/reconciler.ts";
import type { WorkerEvent } from "./control/workers/messages.ts";
import { Supervisor, type WorkerState } from "./control/workers/supervisor.ts";
import type { ListenerSpec, SnapshotSpec } from "./model/snapshot-spec.ts";
import { CounterPages } from "./observability/counter-pages.ts";
import { type CounterReader, Counters, SLOT_SIZE } from "./observability/counters.ts";
import type { Logger } from "./observability/logger.ts";
import { Recorder } from "./observability/recorder.ts";
import { type BoundListener, DataPlane } from "./proxy/data-plane.ts";

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
  #prepared: SnapshotSpec | null = null;
  #ours: readonly ListenerSpec[] = [];

  constructor(log: Logger) {
    this.#recorder = new Recorder(this.counters, log);
    const clock = { now: () => performance.now(), wall: () => Date.now() };
    this.#plane = new DataPlane({ clock, random: Math.random, telemetry: this.#recorder });
  }

  get listeners(): BoundListener[] {
    return this.#plane.listeners;
  }

  async prepare(spec: SnapshotSpec): Promise<void> {
    await claimNewAddresses(this.#ours, spec.listeners);
    this.#growCounters(spec);
    this.#plane.prepare(spec);
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
    this.#plane.stop();
    return drained;
  }

  stop(): void {
    this.#plane.stop();
  }

  #growCounters(spec: SnapshotSpec): void {
    const slots = spec.routes.reduce((most, route) => Math.max(most, route.slot + 1), 1);
    if (slots > this.counters.slots) this.counters.grow(Math.max(slots, this.counters.slots * 2));
  }
}

/** @param command starts worker `number` */
export function serveInWorkers(log: Logger, command: (number: number) => readonly string[]): Serving {
  const pages = new CounterPages();
  const supervisor = new Supervisor({ command, pages, notice: (event) => logWorkerEvent(log, event) });
  return Object.assign(supervisor, { counters: pages });
}

function logWorkerEvent(log: Logger, event: WorkerEvent): void {
  const { type, ...rest } = event;
  if (type === "worker.started" || type === "worker.retired") return log.info(rest, type);
  log.error(rest, type);
}
