import { closeSync, constants, openSync } from "node:fs";
import { SHARED_FD, type SharedMemory } from "../control/workers/worker-process.ts";
import { createPage } from "../observability/page-file.ts";
import type { InFlight } from "../proxy/limits/in-flight.ts";
import {
  formatSharedState,
  mappedState,
  type SharedState,
  sharedInFlight,
  sharedStateBytes,
  WORKER_ROWS,
} from "../proxy/shared-state.ts";
import { machineClockOffset } from "../proxy/upstream/health/machine-clock.ts";

/** What the log says where there is none. */
export const NOT_SHARED =
  "no memory for what workers share: rate limits, circuit breakers, limits of what is in flight";

/**
 * Memory that every worker of this process maps: its breakers, rate limits and counts outlive each of them. The file has lost its
 * name before the first worker starts; workers inherit it open, so that nothing is left of it when all are gone, however they went.
 */
export class WorkerMemory implements SharedMemory {
  readonly fd: number;
  readonly #inFlight: InFlight;
  readonly #taken = new Set<number>();
  readonly #noRow: () => void;

  /**
   * @param rateKeys that rate limits remember, at least
   * @param noRow hears of each worker that must count what it has in flight alone
   * @throws when no folder takes the file
   */
  constructor(rateKeys: number, noRow: () => void) {
    this.#noRow = noRow;
    const length = sharedStateBytes(rateKeys);
    const { path, numbers, unlink } = createPage(length / Float64Array.BYTES_PER_ELEMENT);
    try {
      const memory = new Uint8Array(numbers.buffer, numbers.byteOffset, length);
      formatSharedState(memory);
      this.#inFlight = sharedInFlight(memory, 0);
      this.fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
    } finally {
      unlink();
    }
  }

  takeRow(): number | null {
    for (let row = 0; row < WORKER_ROWS; row++) {
      if (this.#taken.has(row)) continue;
      this.#taken.add(row);
      return row;
    }
    this.#noRow();
    return null;
  }

  giveBack(row: number): void {
    this.#inFlight.clearRow(row);
    this.#taken.delete(row);
  }
}

/** What this worker inherited. @param row what its supervisor said: a number, or "" for none */
export function inheritedState(row: string): SharedState {
  const bytes = Bun.mmap(`/dev/fd/${SHARED_FD}`, { shared: true });
  // Mapped memory stays; what hooks start must not inherit the file.
  closeSync(SHARED_FD);
  return mappedState(bytes, {
    row: row === "" ? null : Number(row),
    clockOffsetMs: machineClockOffset(performance.now()),
  });
}
