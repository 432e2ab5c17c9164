import type { EndpointVerdict } from "../../proxy/upstream/health/health-registry.ts";
import { BackOff } from "./back-off.ts";
import { WorkerGone, WorkerRefused } from "./channel.ts";
import type { WorkerEvent } from "./messages.ts";
import { WorkerProcess, type WorkerProcessOptions } from "./worker-process.ts";

/** A version on its way to the workers. */
export interface Version {
  readonly number: number;
  /** The SnapshotSpec as JSON. */
  readonly spec: string;
  /** Counter slots it needs. */
  readonly slots: number;
}

/** Where workers count; keyed by `WorkerProcess.serial`. */
export interface WorkerPages {
  /** The path of a page for the worker to go on in; null when the one it has is large enough. */
  give(worker: number, slots: number): string | null;
  /** The worker has mapped what it was given. */
  taken(worker: number): void;
  /** The worker has ended. */
  gone(worker: number): void;
}

export interface SeatOptions extends WorkerProcessOptions {
  readonly pages: WorkerPages;
  /** What a worker that starts has to serve; null before the first commit. */
  readonly committed: () => Version | null;
  /** What it has to know when it begins to serve. */
  readonly verdicts: () => readonly EndpointVerdict[];
  readonly notice: (event: WorkerEvent) => void;
  /** Who sits here has answered: its vitals are new. */
  readonly beat: () => void;
}

/** A worker and what it has. */
interface Occupant {
  readonly worker: WorkerProcess;
  prepared: Version | null;
  serves: Version | null;
  /** Its end is no news any more. */
  left: boolean;
  /** What the set of workers asks of it now; never rejects. */
  asked: Promise<unknown>;
}

/**
 * One place in the set of workers. Who sits here serves the committed version, and who dies is replaced: at once, and then with
 * growing pauses while successors die young.
 */
export class Seat {
  readonly number: number;
  readonly #options: SeatOptions;
  readonly #backOff = new BackOff();
  /** Has the committed version, or is getting it. */
  #occupant: Occupant | null = null;
  /** Being started: not asked anything yet. */
  #starting: Occupant | null = null;
  #restarts = 0;
  #replacing = false;
  #diedOf: string | null = null;
  #left = false;

  constructor(options: SeatOptions) {
    this.number = options.number;
    this.#options = options;
  }

  get worker(): WorkerProcess | null {
    return this.#occupant?.worker ?? null;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** The first worker of this place, with `version` prepared. Rejects with WorkerGone or WorkerRefused. */
  async open(version: Version): Promise<void> {
    const occupant = this.#spawn();
    await occupant.worker.ready;
    this.#starting = null;
    this.#occupant = occupant;
    await this.#prepare(occupant, version);
  }

  /** @returns false when nobody sits here now: whoever comes gets the version after its commit. */
  async prepare(version: Version): Promise<boolean> {
    const occupant = this.#occupant;
    if (occupant === null) return false;
    const prepared = this.#prepare(occupant, version);
    occupant.asked = prepared.catch(() => undefined);
    await prepared;
    return true;
  }

  /** Serves the committed version. Who cannot is replaced by one who can. */
  async commit(): Promise<void> {
    const occupant = this.#occupant;
    if (occupant === null) {
      // It died between the first `prepare` and the first `commit`.
      if (!this.#replacing && this.#starting === null) void this.#replace(0);
      return;
    }
    const committed = this.#catchUp(occupant).catch((error: unknown) => this.#failed(occupant, error));
    occupant.asked = committed;
    await committed;
  }

  async abort(): Promise<void> {
    const occupant = this.#occupant;
    if (occupant === null) return;
    occupant.prepared = null;
    await occupant.worker.ask("abort", null).catch(() => undefined);
  }

  /**
   * A new worker takes the place of the one who sits here, once it serves the committed version. @returns who sat here, which goes on
   * and is the caller's; null when there was nobody to replace or nobody to replace it with.
   */
  async renew(): Promise<WorkerProcess | null> {
    if (this.#occupant === null || this.#starting !== null || this.#left) return null;
    const successor = this.#spawn();
    try {
      await this.#getReady(successor);
    } catch (error) {
      this.#failed(successor, error);
      return null;
    }
    const before = this.#occupant;
    this.#sit(successor);
    if (before === null || this.#left) return null;
    before.left = true;
    // A reload may be under way: it hears what it asked for.
    await before.asked;
    return before.worker;
  }

  /** Also to who is being started: it may have got all that was known already. */
  tell(verdict: EndpointVerdict): void {
    for (const occupant of [this.#occupant, this.#starting])
      void occupant?.worker.ask("verdicts", [verdict]).catch(() => undefined);
  }

  /** No successor any more; who sits here goes on and is the caller's. */
  leave(): WorkerProcess | null {
    this.#left = true;
    this.#starting?.worker.kill();
    return this.worker;
  }

  #spawn(): Occupant {
    const { number, notice, pages } = this.#options;
    const worker = new WorkerProcess(this.#options);
    const occupant = { worker, prepared: null, serves: null, left: false, asked: Promise.resolve() };
    this.#starting = occupant;
    worker.onSilent = (hook, pending) =>
      notice({ type: "worker.silent", worker: number, pid: worker.pid, hook, pending });
    worker.onVitals = () => {
      if (this.#occupant === occupant) this.#options.beat();
    };
    void worker.exited.then((how) => {
      pages.gone(worker.serial);
      this.#ended(occupant, how);
    });
    return occupant;
  }

  #ended(occupant: Occupant, how: string): void {
    if (this.#starting === occupant) this.#starting = null;
    if (this.#occupant === occupant) this.#occupant = null;
    if (this.#left || occupant.left) return;
    const { pid, startedAt } = occupant.worker;
    const replacedInMs = this.#backOff.next(performance.now() - startedAt);
    this.#options.notice({ type: "worker.died", worker: this.number, pid, how, replacedInMs });
    if (this.#occupant === null) this.#diedOf = how;
    // Before the first commit a death is the answer to `open`; and in a renewal there is another one.
    if (this.#options.committed() === null || this.#occupant !== null || this.#starting !== null) return;
    void this.#replace(replacedInMs);
  }

  async #replace(pauseMs: number): Promise<void> {
    this.#replacing = true;
    if (pauseMs > 0) await Bun.sleep(pauseMs);
    this.#replacing = false;
    if (this.#left) return;
    this.#restarts++;
    const occupant = this.#spawn();
    try {
      await this.#getReady(occupant);
      this.#sit(occupant);
    } catch (error) {
      this.#failed(occupant, error);
    }
  }

  /** Starts and has what is committed, also what was while this went on. */
  async #getReady(occupant: Occupant): Promise<void> {
    await occupant.worker.ready;
    do await this.#catchUp(occupant);
    while (occupant.serves !== this.#options.committed());
  }

  #sit(occupant: Occupant): void {
    if (this.#left) return;
    this.#starting = null;
    this.#occupant = occupant;
    this.#options.notice({ type: "worker.started", worker: this.number, pid: occupant.worker.pid });
    if (this.#diedOf !== null)
      this.#options.notice({ type: "worker.restarted", worker: this.number, reason: this.#diedOf });
    this.#diedOf = null;
  }

  /** Versions may be committed while a worker gets the one before. */
  async #catchUp(occupant: Occupant): Promise<void> {
    for (let version = this.#options.committed(); version !== null && version !== occupant.serves;) {
      if (occupant.prepared !== version) await this.#prepare(occupant, version);
      const committed = occupant.worker.ask("commit", null);
      // Right behind it: no request comes in between.
      void occupant.worker.ask("verdicts", this.#options.verdicts()).catch(() => undefined);
      await committed;
      occupant.serves = version;
      version = this.#options.committed();
    }
  }

  async #prepare(occupant: Occupant, version: Version): Promise<void> {
    const { pages } = this.#options;
    const { worker } = occupant;
    const page = pages.give(worker.serial, version.slots);
    try {
      await worker.ask("prepare", { spec: version.spec, page });
      occupant.prepared = version;
    } finally {
      // Also after a refusal: the page is mapped before the version is looked at.
      if (page !== null) pages.taken(worker.serial);
    }
  }

  #failed({ worker }: Occupant, error: unknown): void {
    if (error instanceof WorkerGone) return;
    const reason = error instanceof WorkerRefused ? error.message : String(error);
    this.#options.notice({ type: "worker.failed", worker: this.number, reason });
    worker.kill();
  }
}
