import type { ProxyEvent } from "../../model/ports.ts";
import type { SnapshotSpec } from "../../model/snapshot-spec.ts";
import type { BoundListener } from "../../proxy/data-plane.ts";
import type { PlaneView } from "../../proxy/plane-view.ts";
import type { EndpointVerdict } from "../../proxy/upstream/health/health-registry.ts";
import { slotsOf } from "../config/slots-of.ts";
import { claimNewAddresses } from "../claim-new-addresses.ts";
import type { SpecTarget } from "../reconciler.ts";
import { WorkerGone } from "./channel.ts";
import { FixedPorts } from "./fixed-ports.ts";
import type { WorkerEvent } from "./messages.ts";
import { Renewals } from "./renewals.ts";
import { Seat, type Version, type WorkerPages } from "./seat.ts";
import type { SharedMemory, WorkerPlugins, WorkerProcess } from "./worker-process.ts";

export interface SupervisorOptions {
  /** Starts the worker for place `number` (from 1). */
  readonly command: (number: number) => readonly string[];
  readonly pages: WorkerPages;
  readonly plugins: WorkerPlugins;
  /** null where none can be had. */
  readonly shared: SharedMemory | null;
  /** All that active checks have found out. */
  readonly verdicts: () => readonly EndpointVerdict[];
  readonly notice: (event: WorkerEvent) => void;
  /** What workers tell of their traffic. */
  readonly reported: (event: ProxyEvent) => void;
  /** A worker that has imported so many plugin modules since it began to serve is replaced. */
  readonly maxModules?: number;
}

export interface WorkerState {
  readonly number: number;
  readonly pid: number | null;
  readonly state: "serving" | "starting" | "retiring";
  readonly restarts: number;
  readonly rssBytes: number;
  readonly connections: number;
}

const MAX_MODULES = 200;
const RETIRE_PATIENCE_MS = 2_000;
/** What a drain may take beyond its time, for the process to end. */
const EXIT_MS = 2000;

interface Plan {
  readonly version: Version;
  readonly spec: SnapshotSpec;
  readonly seats: readonly Seat[];
}

export interface AskedForMetrics {
  readonly serial: number;
  /** Of its place. */
  readonly number: number;
  ask(): Promise<unknown>;
}

/** For what a worker knows. */
const VIEW_MS = 1_000;

/**
 * Many worker processes that serve the same specification on the same ports. A version is prepared by all and then committed by
 * all; one that any worker refuses is served by none. Who dies meanwhile gets the committed version with its successor.
 */
export class Supervisor implements SpecTarget {
  readonly #options: SupervisorOptions;
  readonly #ports = new FixedPorts();
  readonly #retiring = new Set<WorkerProcess>();
  readonly #renewals: Renewals;
  #seats: readonly Seat[] = [];
  #committed: Plan | null = null;
  #plan: Plan | null = null;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#renewals = new Renewals({
      notice: options.notice,
      maxModules: options.maxModules ?? MAX_MODULES,
      lingering: () => this.#retiring.size,
      retire: (worker) => this.#retire(worker, this.#committed?.spec.shutdown.retireMs ?? null),
    });
  }

  async prepare(given: SnapshotSpec): Promise<void> {
    const spec = { ...given, listeners: await this.#ports.fix(given.listeners) };
    await claimNewAddresses(this.#committed?.spec.listeners ?? [], spec.listeners);
    const version = { number: spec.version, spec: JSON.stringify(spec), slots: slotsOf(spec) };
    const fresh = this.#newSeats(spec.workers);
    this.#plan = { version, spec, seats: [...this.#seats.slice(0, spec.workers), ...fresh] };
    const prepared = this.#seats.map((seat) => seat.prepare(version));
    const opened = fresh.map((seat) => seat.open(version).then(() => true));
    const results = await Promise.allSettled([...prepared, ...opened]);
    refuseIfNeeded(results, fresh.length > 0 && this.#committed === null);
  }

  async commit(): Promise<void> {
    const plan = this.#plan;
    if (plan === null) throw new Error("nothing was prepared");
    const surplus = this.#seats.filter((seat) => !plan.seats.includes(seat));
    this.#plan = null;
    this.#committed = plan;
    this.#seats = plan.seats;
    await Promise.all(plan.seats.map((seat) => seat.commit()));
    for (const seat of surplus) this.#dismiss(seat, plan.spec.shutdown.retireMs);
  }

  async abort(): Promise<void> {
    const plan = this.#plan;
    this.#plan = null;
    for (const seat of plan?.seats ?? []) if (!this.#seats.includes(seat)) seat.leave()?.kill();
    await Promise.all(this.#seats.map((seat) => seat.abort()));
  }

  get listeners(): BoundListener[] {
    const workers = this.#seats.flatMap((seat) => seat.worker ?? []);
    return (this.#committed?.spec.listeners ?? []).map(({ name, host, port, tls }) => {
      const connections = workers.reduce((sum, worker) => sum + connectionsOf(worker, name), 0);
      return { name, host, port, tls: tls.length > 0, connections };
    });
  }

  get workers(): WorkerState[] {
    const seated = this.#seats.map((seat) => {
      return stateOf(seat.worker === null ? "starting" : "serving", seat.number, seat.worker, seat.restarts);
    });
    return [...seated, ...[...this.#retiring].map((worker) => stateOf("retiring", worker.number, worker, 0))];
  }

  notReady(): void {
    for (const worker of this.#alive()) void worker.ask("notReady", null).catch(() => undefined);
  }

  /** An active check has changed its mind. */
  verdict(verdict: EndpointVerdict): void {
    for (const seat of this.#seats) seat.tell(verdict);
    for (const worker of this.#retiring) void worker.ask("verdicts", [verdict]).catch(() => undefined);
  }

  /** Of the workers that answer in time: one that hangs is not waited for. */
  async views(): Promise<PlaneView[]> {
    const late = Bun.sleep(VIEW_MS).then(() => null);
    const asked = this.#alive().map((worker) => Promise.race([worker.ask("view", null).catch(() => null), late]));
    return (await Promise.all(asked)).filter((view) => view !== null);
  }

  /** Those that live, how to ask them for metrics, and a number that no other ever has. */
  get asked(): AskedForMetrics[] {
    return this.#alive().map((worker) => ({
      serial: worker.serial,
      number: worker.number,
      ask: () => worker.ask("metrics", null),
    }));
  }

  async resetPlugin(name: string): Promise<boolean> {
    const asked = this.#alive().map((worker) => worker.ask("resetPlugin", name).catch(() => false));
    return (await Promise.all(asked)).includes(true);
  }

  /** Ends all workers. @returns false when something that ran was cut off */
  async drain(withinMs: number): Promise<boolean> {
    const workers = this.#alive();
    for (const seat of this.#seats) seat.leave();
    const complete = await Promise.all(workers.map((worker) => drained(worker, withinMs)));
    return complete.every(Boolean);
  }

  /** Ends all workers now. */
  stop(): void {
    for (const seat of [...this.#seats, ...(this.#plan?.seats ?? [])]) seat.leave()?.kill();
    for (const worker of this.#retiring) worker.kill();
  }

  #alive(): WorkerProcess[] {
    return [...this.#seats.flatMap((seat) => seat.worker ?? []), ...this.#retiring];
  }

  #newSeats(workers: number): Seat[] {
    const { command, ...others } = this.#options;
    const seats: Seat[] = [];
    for (let number = this.#seats.length + 1; number <= workers; number++) {
      const committed = () => this.#committed?.version ?? null;
      const beat = () => this.#renewals.look(seat);
      const seat = new Seat({ number, command: command(number), ...others, committed, beat });
      seats.push(seat);
    }
    return seats;
  }

  #dismiss(seat: Seat, withinMs: number | null): void {
    const worker = seat.leave();
    if (worker === null) return;
    this.#options.notice({ type: "worker.retired", worker: seat.number, pid: worker.pid });
    this.#retire(worker, withinMs);
  }

  /** Its tunnels and streams go on until they end; nothing new comes to it. */
  #retire(worker: WorkerProcess, withinMs: number | null): void {
    this.#retiring.add(worker);
    void worker.exited.then(() => this.#retiring.delete(worker));
    // Its clients do not know that it leaves: a request that is on its way on an idle connection is still answered.
    void worker.ask("drain", { withinMs, patienceMs: RETIRE_PATIENCE_MS }).catch(() => undefined);
  }
}

async function drained(worker: WorkerProcess, withinMs: number): Promise<boolean> {
  const killer = setTimeout(() => worker.kill(), withinMs + EXIT_MS);
  const answer = await worker.ask("drain", { withinMs, patienceMs: 0 }).catch(() => null);
  await worker.exited;
  clearTimeout(killer);
  return answer?.complete ?? false;
}

/**
 * A refusal is the answer for all. A death is not, as long as somebody could prepare the version: a successor will get it. At the
 * first start everybody must be there.
 */
function refuseIfNeeded(results: ReadonlyArray<PromiseSettledResult<boolean>>, all: boolean): void {
  const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason as Error] : []));
  const refusal = failures.find((failure) => !(failure instanceof WorkerGone));
  if (refusal !== undefined) throw refusal;
  const prepared = results.some((result) => result.status === "fulfilled" && result.value);
  if (failures.length > 0 && (all || !prepared)) throw new Error("a worker ended while it prepared the configuration");
}

function connectionsOf(worker: WorkerProcess, listener: string): number {
  return worker.vitals.listeners.find(({ name }) => name === listener)?.connections ?? 0;
}

function stateOf(
  state: WorkerState["state"],
  number: number,
  worker: WorkerProcess | null,
  restarts: number,
): WorkerState {
  const { rssBytes = 0, listeners = [] } = worker?.vitals ?? {};
  const connections = listeners.reduce((sum, listener) => sum + listener.connections, 0);
  return { number, pid: worker?.pid ?? null, state, restarts, rssBytes, connections };
}
