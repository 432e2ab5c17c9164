/**
 * Counters of requests in flight, by gate (a route, an upstream, the process), in memory that many processes may map. Each process
 * has a row of its own and a gate's count is the sum over the rows. So a killed process can be forgotten: its row is cleared.
 *
 * A gate's rows lie beside each other; asking is a few cache lines.
 */

/** Rows fill whole cache lines: gates do not disturb each other. */
const LINE = 16;
/** In a row, beside the count: this process has requests that wait for a place. */
const WANTS = 1 << 30;
const COUNT = WANTS - 1;

/** 32-bit numbers that so many gates and processes take. Zeros are an empty one. */
export function inFlightLength(gates: number, rows: number): number {
  if (!(gates >= 1 && rows >= 1)) throw new RangeError(`${gates} gates and ${rows} rows: both are at least 1`);
  return gates * strideOf(rows);
}

function strideOf(rows: number): number {
  return rows === 1 ? 1 : Math.ceil(rows / LINE) * LINE;
}

export class InFlight {
  readonly gates: number;
  readonly #counts: Int32Array;
  readonly #rows: number;
  readonly #stride: number;
  readonly #row: number;
  #turn = 0;

  /**
   * @param counts `inFlightLength` numbers
   * @param rows how many processes may share them, at once
   * @param row this process's own; nobody else writes it while the process lives
   */
  constructor(counts: Int32Array, rows = 1, row = 0) {
    if (!(Number.isInteger(row) && row >= 0 && row < rows)) throw new RangeError(`row ${row} is not one of ${rows}`);
    this.#counts = counts;
    this.#rows = rows;
    this.#stride = strideOf(rows);
    this.#row = row;
    this.gates = Math.floor(counts.length / this.#stride);
  }

  /** Counters that no other process sees. */
  static local(gates: number): InFlight {
    return new InFlight(new Int32Array(inFlightLength(gates, 1)));
  }

  /** Other processes may give back places. */
  get isShared(): boolean {
    return this.#rows > 1;
  }

  /**
   * Counts one more unless there are `max`, or unless this process has its share already and others want places. Never more than
   * `max` over all processes: each counts itself before it looks. Two that race for the last place may both be refused.
   */
  tryAcquire(gate: number, max: number): boolean {
    const from = this.#from(gate);
    const own = from + this.#row;
    const mine = (Atomics.add(this.#counts, own, 1) & COUNT) + 1;
    // Ordered after our own count, and so are the plain reads that follow: an atomic read of each row would cost ten times as much.
    Atomics.load(this.#counts, own);
    const counts = this.#counts;
    let sum = 0;
    let claimants = 0;
    let wanted = false;
    for (let at = from, end = from + this.#rows; at < end; at++) {
      const row = counts[at]!;
      if (row === 0) continue;
      claimants++;
      sum += row & COUNT;
      if (row >= WANTS && at !== own) wanted = true;
    }
    if (sum <= max && (!wanted || mine <= this.#share(max, claimants))) return true;
    Atomics.sub(this.#counts, own, 1);
    return false;
  }

  /** Counts one more, whatever the number. */
  acquire(gate: number): void {
    Atomics.add(this.#counts, this.#from(gate) + this.#row, 1);
  }

  /** Exactly once for each acquired. */
  release(gate: number): void {
    Atomics.sub(this.#counts, this.#from(gate) + this.#row, 1);
  }

  /** Tells the others whether somebody waits here for a place: who has more than an equal share then leaves places to us. */
  want(gate: number, wants: boolean): void {
    const own = this.#from(gate) + this.#row;
    if (wants) Atomics.or(this.#counts, own, WANTS);
    else Atomics.and(this.#counts, own, COUNT);
  }

  /** Of all processes. */
  count(gate: number): number {
    const from = this.#from(gate);
    let sum = 0;
    for (let at = from, end = from + this.#rows; at < end; at++) sum += Atomics.load(this.#counts, at) & COUNT;
    return sum;
  }

  /** Of this process. */
  own(gate: number): number {
    return Atomics.load(this.#counts, this.#from(gate) + this.#row) & COUNT;
  }

  /** Forgets what a process had in flight. Only when it has ended, and before its row is given to another. */
  clearRow(row: number): void {
    if (!(row >= 0 && row < this.#rows)) throw new RangeError(`row ${row} is not one of ${this.#rows}`);
    for (let gate = 0; gate < this.gates; gate++) Atomics.store(this.#counts, gate * this.#stride + row, 0);
  }

  // What cannot be divided goes round: no place stays empty, and with fewer places than processes each has its turn.
  #share(max: number, claimants: number): number {
    return Math.floor((max + (this.#turn++ % claimants)) / claimants);
  }

  #from(gate: number): number {
    if (!(gate >= 0 && gate < this.gates)) throw new RangeError(`gate ${gate} is not one of ${this.gates}`);
    return gate * this.#stride;
  }
}
