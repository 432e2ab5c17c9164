import { BackOff } from "./back-off.ts";
import { WorkerGone, WorkerRefused } from "./channel.ts";
import type { WorkerEvent } from "./messages.ts";
import { WorkerProcess } from "./worker-process.ts";

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

export interface SeatOptions {
  readonly number: number;
  readonly command: readonly string[];
  readonly pages: WorkerPages;
  /** What a worker that starts has to serve; null before the first commit. */
  readonly committed: () => Version | null;
  readonly notice: (event: WorkerEvent) => void;
}

/**
 * One place in the set of workers. Who sits here serves the committed version, and who dies is replaced: at once, and then with
 * growing pauses while successors die young.
 */
export class Seat {
  readonly #options: SeatOptions;
  readonly #backOff = new BackOff();
  /** Has the committed version, or is getting it. */
  #worker: WorkerProcess | null = null;
  /** Being started: not asked anything yet. */
  #starting: WorkerProcess | null = null;
  #prepared: Version | null = null;
  #serves: Version | null = null;
  #restarts = 0;
  #replacing = false;
  #left = false;

  constructor(options: SeatOptions) {
    this.#options = options;
  }

  get worker(): WorkerProcess | null {
    return this.#worker;
  }

  get number(): number {
    return this.#options.number;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** The first worker of this place, with `version` prepared. Rejects with WorkerGone or WorkerRefused. */
  async open(version: Version): Promise<void> {
    const worker = this.#spawn();
    await worker.ready;
    this.#starting = null;
    this.#worker = worker;
    await this.#prepare(worker, version);
  }

  /** @returns false when nobody sits here now: whoever comes gets the version after its commit. */
  async prepare(version: Version): Promise<boolean> {
    if (this.#worker === null) return false;
    await this.#prepare(this.#worker, version);
    return true;
  }

  /** Serves the committed version. Who cannot is replaced by one who can. */
  async commit(): Promise<void> {
    const worker = this.#worker;
    if (worker === null) {
      // It died between the first `prepare` and the first `commit`.
      if (!this.#replacing && this.#starting === null) void this.#replace(0);
      return;
    }
    try {
      await this.#catchUp(worker);
    } catch (error) {
      this.#failed(worker, error);
    }
  }

  async abort(): Promise<void> {
    this.#prepared = null;
    await this.#worker?.ask("abort", null).catch(() => undefined);
  }

  /** No successor any more; who sits here goes on and is the caller's. */
  leave(): WorkerProcess | null {
    this.#left = true;
    this.#starting?.kill();
    return this.#worker;
  }

  #spawn(): WorkerProcess {
    const { number, command, notice, pages } = this.#options;
    const worker = new WorkerProcess({ number, command });
    this.#starting = worker;
    worker.onSilent = () => notice({ type: "worker.silent", worker: number, pid: worker.pid });
    void worker.exited.then((how) => {
      pages.gone(worker.serial);
      this.#ended(worker, how);
    });
    return worker;
  }

  #ended(worker: WorkerProcess, how: string): void {
    if (this.#starting === worker) this.#starting = null;
    if (this.#worker === worker) this.#worker = null;
    this.#prepared = null;
    this.#serves = null;
    if (this.#left) return;
    const replacedInMs = this.#backOff.next(performance.now() - worker.startedAt);
    this.#options.notice({ type: "worker.died", worker: this.number, pid: worker.pid, how, replacedInMs });
    // Before the first commit a death is the answer to `open`.
    if (this.#options.committed() !== null) void this.#replace(replacedInMs);
  }

  async #replace(pauseMs: number): Promise<void> {
    this.#replacing = true;
    if (pauseMs > 0) await Bun.sleep(pauseMs);
    this.#replacing = false;
    if (this.#left) return;
    this.#restarts++;
    const worker = this.#spawn();
    try {
      await worker.ready;
      await this.#catchUp(worker);
    } catch (error) {
      this.#failed(worker, error);
    }
  }

  /** Versions may be committed while a worker gets the one before. */
  async #catchUp(worker: WorkerProcess): Promise<void> {
    for (let version = this.#options.committed(); version !== null && version !== this.#serves;) {
      if (this.#prepared !== version) await this.#prepare(worker, version);
      await worker.ask("commit", null);
      this.#serves = version;
      version = this.#options.committed();
    }
    if (this.#worker === worker || this.#left) return;
    this.#starting = null;
    this.#worker = worker;
    this.#options.notice({ type: "worker.started", worker: this.number, pid: worker.pid });
  }

  async #prepare(worker: WorkerProcess, version: Version): Promise<void> {
    const { pages } = this.#options;
    const page = pages.give(worker.serial, version.slots);
    try {
      await worker.ask("prepare", { spec: version.spec, page });
      this.#prepared = version;
    } finally {
      // Also after a refusal: the page is mapped before the version is looked at.
      if (page !== null) pages.taken(worker.serial);
    }
  }

  #failed(worker: WorkerProcess, error: unknown): void {
    if (error instanceof WorkerGone) return;
    const reason = error instanceof WorkerRefused ? error.message : String(error);
    this.#options.notice({ type: "worker.failed", worker: this.number, reason });
    worker.kill();
  }
}
