/** What lets requests through: an in-flight count under its limit. */
export interface Gate {
  /** @param rank 0 is the most important class; whom it takes of one class it takes of every more important one */
  tryAcquire(rank: number): boolean;
  release(): void;
}

/** Why a request that waited goes no further. */
export type Refusal = "expired" | "shed";

/** A request at the gate. The queue owns the fields; the entry is in one queue at most. */
export interface Waiting {
  /** 0 is the most important class. */
  readonly priority: number;
  queuedAt: number;
  /** Not null while it waits. */
  queuedIn: WaitingList | null;
  before: Waiting | null;
  after: Waiting | null;
  /** Its turn has come: it holds a place, which ends with `release`. Must not throw. */
  admitted(): void;
  /** It holds nothing. Must not throw. */
  refused(why: Refusal): void;
}

export interface QueueOptions {
  readonly gate: Gate;
  /** Waiting at most, over all classes; 0: nobody waits. */
  readonly maxWaiting: number;
  /** The longest wait, ms. */
  readonly maxWaitMs: number;
  /** Priority classes; entries beyond the last are of the last. */
  readonly classes: number;
}

/**
 * A bounded queue before a gate: decided at once, O(1), without timers or allocation. Important classes go first, the oldest of
 * a class first. When it is full, the newest of the least important class makes room for a more important one; an equal one is refused.
 */
export class AdmissionQueue {
  readonly #gate: Gate;
  #maxWaiting: number;
  #maxWaitMs: number;
  readonly #lists: WaitingList[];
  #waiting = 0;
  #letting = false;

  constructor(options: QueueOptions) {
    if (!(options.classes >= 1)) throw new RangeError(`a queue has at least one class, not ${options.classes}`);
    this.#gate = options.gate;
    this.#maxWaiting = options.maxWaiting;
    this.#maxWaitMs = options.maxWaitMs;
    this.#lists = Array.from({ length: options.classes }, () => new WaitingList());
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** New bounds: who waits already stays, as long as the new wait allows. */
  configure(maxWaiting: number, maxWaitMs: number): void {
    this.#maxWaiting = maxWaiting;
    this.#maxWaitMs = maxWaitMs;
  }

  /**
   * `admitted`: it holds a place now. `queued`: one of its callbacks will be called. `refused`: no room, none will be called.
   * Whoever is as important and came before goes first.
   */
  admit(entry: Waiting, now: number): "admitted" | "queued" | "refused" {
    const rank = this.#rankOf(entry);
    if (!this.#isSomebodyBefore(rank) && this.#gate.tryAcquire(rank)) return "admitted";
    if (this.#waiting >= this.#maxWaiting) this.#expire(now);
    if (this.#waiting >= this.#maxWaiting && !this.#makeRoom(rank)) return "refused";
    entry.queuedAt = now;
    this.#lists[rank]!.push(entry);
    this.#waiting++;
    return "queued";
  }

  /** A place is free again: the next one's turn. */
  release(now: number): void {
    this.#gate.release();
    this.tick(now);
  }

  /** Called by a ticker, and when the gate's limit rose: refuses who waited too long, lets in whom the gate takes. */
  tick(now: number): void {
    // An entry that ends at once inside `admitted` releases: the loop below goes on with it, not the stack.
    if (this.#letting) return;
    this.#letting = true;
    try {
      this.#expire(now);
      for (let rank = this.#firstRank(); rank >= 0 && this.#gate.tryAcquire(rank); rank = this.#firstRank()) {
        const next = this.#lists[rank]!.first!;
        this.#remove(next);
        next.admitted();
      }
    } finally {
      this.#letting = false;
    }
  }

  /** It has gone away. @returns true when it waited; no callback will be called */
  cancel(entry: Waiting): boolean {
    if (entry.queuedIn === null || !this.#lists.includes(entry.queuedIn)) return false;
    this.#remove(entry);
    return true;
  }

  /** Refuses everybody of the classes from `priority` on: memory runs out, or the process drains. */
  shed(priority: number): void {
    for (let rank = this.#lists.length - 1; rank >= Math.max(0, priority); rank--) {
      for (let last = this.#lists[rank]!.last; last !== null; last = this.#lists[rank]!.last) {
        this.#remove(last);
        last.refused("shed");
      }
    }
  }

  #rankOf(entry: Waiting): number {
    return Math.min(Math.max(0, Math.trunc(entry.priority) || 0), this.#lists.length - 1);
  }

  #isSomebodyBefore(rank: number): boolean {
    for (let i = 0; i <= rank; i++) if (this.#lists[i]!.first !== null) return true;
    return false;
  }

  #makeRoom(rank: number): boolean {
    for (let low = this.#lists.length - 1; low > rank; low--) {
      const last = this.#lists[low]!.last;
      if (last === null) continue;
      this.#remove(last);
      last.refused("shed");
      return this.#waiting < this.#maxWaiting;
    }
    return false;
  }

  // All of a class wait equally long, so the first is the first to expire.
  #expire(now: number): void {
    for (const list of this.#lists) {
      for (let first = list.first; first !== null && this.#isLate(first, now); first = list.first) {
        this.#remove(first);
        first.refused("expired");
      }
    }
  }

  #isLate(entry: Waiting, now: number): boolean {
    return now - entry.queuedAt >= this.#maxWaitMs;
  }

  /** Of whoever is next; -1: nobody waits. */
  #firstRank(): number {
    return this.#waiting === 0 ? -1 : this.#lists.findIndex((list) => list.first !== null);
  }

  #remove(entry: Waiting): void {
    entry.queuedIn!.remove(entry);
    this.#waiting--;
  }
}

/** Linked through its entries, oldest first. */
export class WaitingList {
  first: Waiting | null = null;
  last: Waiting | null = null;

  push(entry: Waiting): void {
    entry.queuedIn = this;
    entry.after = null;
    entry.before = this.last;
    if (this.last === null) this.first = entry;
    else this.last.after = entry;
    this.last = entry;
  }

  remove(entry: Waiting): void {
    if (entry.before === null) this.first = entry.after;
    else entry.before.after = entry.after;
    if (entry.after === null) this.last = entry.before;
    else entry.after.before = entry.before;
    entry.before = entry.after = entry.queuedIn = null;
  }
}
