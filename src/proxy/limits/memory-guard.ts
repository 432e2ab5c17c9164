import type { AdmissionSpec } from "../../model/snapshot-spec.ts";
import { type MemoryLevel, MemoryWatermark } from "./memory-watermark.ts";

/** What is used of what may be used, in octets. */
export interface Memory {
  /** May cost some microseconds. */
  used(): number;
  readonly limitBytes: number;
  /** Gives back what is not needed, as far as possible; may take long. */
  reclaim?(): void;
}

const POLL_MS = 500;
/** How often memory is given back. It stops everything for a moment: the less memory is left, the more that is worth. */
const RECLAIM_MS = { shedLow: 10_000, shedAll: 2000 } as const;

/** Looks at the memory now and then; `level` is free to read. */
export class MemoryGuard {
  readonly #memory: Memory;
  #mark: MemoryWatermark | null = null;
  #marks: AdmissionSpec["memory"] = null;
  #pollAt = 0;
  #reclaimedAt = Number.NEGATIVE_INFINITY;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  get level(): MemoryLevel {
    return this.#mark?.level ?? "normal";
  }

  /** The level holds on until the next look. */
  configure(marks: AdmissionSpec["memory"]): void {
    if (marks !== null && marks.low === this.#marks?.low && marks.all === this.#marks.all) return;
    this.#marks = marks;
    this.#pollAt = 0;
    if (marks === null) {
      this.#mark = null;
      return;
    }
    const hysteresis = Math.min(0.05, marks.low / 2);
    const mark = new MemoryWatermark({ limitBytes: this.#memory.limitBytes, ...marks, hysteresis });
    mark.level = this.level;
    this.#mark = mark;
  }

  /** @returns true when the level changed */
  onTick(now: number): boolean {
    if (this.#mark === null || now < this.#pollAt) return false;
    this.#pollAt = now + POLL_MS;
    const before = this.level;
    this.#mark.update(this.#memory.used());
    // What nobody uses any more must not keep anybody out; and where nothing new comes, nothing makes the engine collect it.
    const { level } = this;
    if (level !== "normal" && now - this.#reclaimedAt >= RECLAIM_MS[level]) {
      this.#reclaimedAt = now;
      this.#memory.reclaim?.();
      this.#mark.update(this.#memory.used(), before);
    }
    return this.level !== before;
  }
}
