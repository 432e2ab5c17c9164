import { join } from "node:path";
import { type SharedMemory, WorkerProcess } from "../../src/control/workers/worker-process.ts";

/** A real worker process on shared memory, told what to do with it. */
export class SharingWorker {
  readonly #process: WorkerProcess;

  private constructor(process: WorkerProcess) {
    this.#process = process;
  }

  static async start(shared: SharedMemory): Promise<SharingWorker> {
    const worker = new WorkerProcess({
      number: 1,
      command: [process.execPath, join(import.meta.dir, "sharing-worker.ts")],
      plugins: { kv: { run: () => Promise.reject(new Error("no plugins here")) }, hookSign: () => null },
      shared,
      reported: () => undefined,
    });
    await worker.ready;
    return new SharingWorker(worker);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** What the worker saw when it did `command`. */
  async do(command: string, number: number): Promise<number> {
    // Typed for another conversation; both ends of this one are here.
    return (await this.#process.ask("prepare", { spec: JSON.stringify([command, number]), page: null })) as never;
  }

  async kill(): Promise<void> {
    this.#process.kill();
    await this.#process.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
