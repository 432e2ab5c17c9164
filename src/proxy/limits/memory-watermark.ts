/** What memory allows: everything, only important requests, or nothing new. */
export type MemoryLevel = "normal" | "shedLow" | "shedAll";

export interface WatermarkOptions {
  /** Octets that are ours. */
  readonly limitBytes: number;
  /** Shares of the limit from which a level holds. Defaults 0.85 and 0.95. */
  readonly low?: number;
  readonly all?: number;
  /** How far below its mark a level ends, as a share of the limit; default 0.05. */
  readonly hysteresis?: number;
}

/** Says no before the kernel kills: a decision from what is used, without flutter. Ask at ticks, read `level` at requests. */
export class MemoryWatermark {
  level: MemoryLevel = "normal";
  readonly #low: number;
  readonly #all: number;
  readonly #slack: number;

  /** @throws when the marks are not 0 < hysteresis < low <= all <= 1 */
  constructor({ limitBytes, low = 0.85, all = 0.95, hysteresis = 0.05 }: WatermarkOptions) {
    if (!(hysteresis > 0 && hysteresis < low && low <= all && all <= 1))
      throw new RangeError(`memory marks: 0 < hysteresis ${hysteresis} < low ${low} <= all ${all} <= 1 does not hold`);
    if (!(limitBytes > 0)) throw new RangeError(`a memory limit of ${limitBytes} octets`);
    this.#low = limitBytes * low;
    this.#all = limitBytes * all;
    this.#slack = limitBytes * hysteresis;
  }

  /**
   * @param usedBytes as the limit counts it: of all processes when the limit is for all
   * @param before the level to judge from, when it is judged anew. @returns true when the level changed
   */
  update(usedBytes: number, before = this.level): boolean {
    const all = before === "shedAll" ? this.#all - this.#slack : this.#all;
    const low = before === "normal" ? this.#low : this.#low - this.#slack;
    this.level = usedBytes >= all ? "shedAll" : usedBytes >= low ? "shedLow" : "normal";
    return this.level !== before;
  }
}
