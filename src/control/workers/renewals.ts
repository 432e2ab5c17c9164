import type { WorkerEvent } from "./messages.ts";
import type { Seat } from "./seat.ts";
import type { WorkerProcess } from "./worker-process.ts";

export interface RenewalOptions {
  readonly notice: (event: WorkerEvent) => void;
  readonly maxModules: number;
  /** Workers that were replaced and have not ended yet. */
  readonly lingering: () => number;
  readonly retire: (worker: WorkerProcess) => void;
}

/** After a successor that did not come. */
const PAUSE_MS = 30_000;

/**
 * Replaces workers that have loaded many generations of plugins: modules are never unloaded, so a worker grows with each. One at a
 * time, while it serves.
 */
export class Renewals {
  readonly #options: RenewalOptions;
  #renewing = false;
  #notBefore = 0;

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  /** Renews the worker of `seat` if it is time to. */
  look(seat: Seat): void {
    const { maxModules, lingering } = this.#options;
    const modulesLoaded = seat.worker?.vitals.modulesLoaded ?? 0;
    // Who keeps a tunnel open keeps a whole process: the more of those, the later comes the next.
    if (this.#renewing || modulesLoaded < maxModules * (1 + lingering())) return;
    if (performance.now() < this.#notBefore) return;
    this.#renewing = true;
    void this.#renew(seat, modulesLoaded).finally(() => (this.#renewing = false));
  }

  async #renew(seat: Seat, modulesLoaded: number): Promise<void> {
    const before = await seat.renew();
    if (before === null) {
      this.#notBefore = performance.now() + PAUSE_MS;
      return;
    }
    const successor = seat.worker?.pid ?? null;
    this.#options.notice({ type: "worker.renewed", worker: seat.number, pid: before.pid, successor, modulesLoaded });
    this.#options.retire(before);
  }
}
