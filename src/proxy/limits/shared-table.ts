/**
 * A fixed number of times by key, in memory that many processes map: set-associative, eviction inside the set, no locks.
 *
 * A slot is one 64-bit word: 20 bits of the key's hash over 44 bits of a time in µs, so that one compare-and-swap both checks whose
 * slot it is and changes it. A process that is killed between any two instructions leaves either the old word or the new one.
 *
 * Eight slots are a set and a cache line. A key's slot is any of its set's; a new key takes the one whose time lies furthest back.
 * A time that has passed says nothing any more (a refilled bucket), so taking its slot loses nothing.
 */

/** Slots a set. */
const WAYS = 8;
/** Words before the first slot: mark, seed, and padding to the cache line. */
const HEADER = 8;
const MARK = 0x534c_5543_4554_4231n;
const LOW = 2 ** 32;
/** 44 bits of µs are 203 days; times are compared by their distance, so the clock may wrap as often as it likes. */
const RANGE = 2 ** 44;
/** The longest time ahead that is believed, in µs; what claims more is older than half the range. */
export const HORIZON_US = 31 * 24 * 3600 * 1e6;

/** Keyed, so that nobody outside can aim at somebody's set; 64 bits come out. */
export type KeyHash = (key: string, seed: bigint) => bigint;

/** 64-bit words that a table of at least so many keys takes; the next power of two of sets. */
export function tableWords(keys: number): number {
  if (!(keys >= 1 && keys <= 2 ** 28)) throw new RangeError(`a table has 1 to ${2 ** 28} keys, not ${keys}`);
  return HEADER + WAYS * 2 ** Math.ceil(Math.log2(Math.max(1, keys / WAYS)));
}

/** Of so many words, those that the largest table takes; what is mapped may end with its page, a little later. */
export function largestTable(words: number): number {
  return words < HEADER + WAYS ? 0 : HEADER + WAYS * 2 ** Math.floor(Math.log2((words - HEADER) / WAYS));
}

/** Makes zeroed memory a table, before anybody else maps it. @param seed random, 64 bits, never told to anyone */
export function formatTable(words: BigInt64Array, seed: bigint): void {
  Atomics.store(words, 1, BigInt.asIntN(64, seed));
  Atomics.store(words, 0, MARK);
}

/**
 * One process's hand in the table: `aim` at a key, `read` its time, `write` a later one. What it saw last is kept inside, so it
 * serves one decision at a time and allocates no objects.
 */
export class SharedTable {
  /** Keys forgotten by this process while their time still lay ahead: the table is too small for the load. */
  evictions = 0;
  readonly capacity: number;
  readonly #words: BigInt64Array;
  readonly #halves: Int32Array;
  readonly #setMask: number;
  readonly #seed: bigint;
  readonly #hash: KeyHash;
  /** A 64-bit word and its halves: taking a word apart without BigInt arithmetic. */
  readonly #scratch = new BigInt64Array(1);
  readonly #parts = new Int32Array(this.#scratch.buffer);
  #set = 0;
  #tag = 0;
  #slot = 0;
  #seen = 0n;
  #evicts = false;

  /** @throws when the memory was not made a table, or is not of a table's size */
  constructor(words: BigInt64Array, hash: KeyHash = Bun.hash.wyhash) {
    const sets = (words.length - HEADER) / WAYS;
    if (words[0] !== MARK) throw new Error("this memory is no table: formatTable() comes first");
    if (!Number.isInteger(Math.log2(sets))) throw new Error(`${words.length} words are no table: use tableWords()`);
    this.#words = words;
    this.#halves = new Int32Array(words.buffer, words.byteOffset, words.length * 2);
    this.#setMask = sets - 1;
    this.#seed = Atomics.load(words, 1);
    this.#hash = hash;
    this.capacity = sets * WAYS;
  }

  /** The seed for one name's keys, the same in every process: two limits have different slots for one key. */
  seedFor(name: string): bigint {
    return this.#hash(name, BigInt.asUintN(64, this.#seed));
  }

  /** Turns to a key. @param seed from `seedFor` */
  aim(key: string, seed: bigint): void {
    this.#scratch[0] = this.#hash(key, seed);
    this.#set = HEADER + (this.#parts[0]! & this.#setMask) * WAYS;
    // Zero is an empty slot's.
    this.#tag = this.#parts[1]! >>> 12 || 1;
  }

  /**
   * How far the key's time lies after `nowUs`, in µs: negative when it has passed, -Infinity when the table knows none. A
   * distance beyond `HORIZON_US` is an age that came round.
   */
  read(nowUs: number): number {
    const now = nowUs % RANGE;
    let furthest = Number.POSITIVE_INFINITY;
    let victim = this.#set;
    for (let slot = this.#set, end = slot + WAYS; slot < end; slot++) {
      const high = Atomics.load(this.#halves, slot * 2 + 1);
      if (high >>> 12 === this.#tag && this.#load(slot)) return this.#ahead(now);
      const rank = high === 0 ? Number.NEGATIVE_INFINITY : this.#rank(slot, high, now);
      if (rank >= furthest) continue;
      furthest = rank;
      victim = slot;
    }
    this.#evicts = furthest > 0;
    // Somebody may have put the same key there in between.
    return this.#load(victim) ? this.#ahead(now) : Number.NEGATIVE_INFINITY;
  }

  /** Puts a time in the slot last read. @returns false when somebody was faster: `readAgain` */
  write(timeUs: number): boolean {
    const time = timeUs % RANGE;
    this.#parts[0] = time % LOW;
    this.#parts[1] = (this.#tag << 12) | (time / LOW);
    const found = Atomics.compareExchange(this.#words, this.#slot, this.#seen, this.#scratch[0]!);
    if (found === this.#seen) {
      if (this.#evicts) this.evictions++;
      return true;
    }
    this.#scratch[0] = this.#seen = found;
    return false;
  }

  /**
   * As `read`, after a lost `write`. It goes on from what the swap found: this processor has the cache line now, and for a moment
   * no other. Who loads it again loses again to one that is quicker.
   */
  readAgain(nowUs: number): number {
    if (this.#parts[1]! >>> 12 !== this.#tag) return this.read(nowUs);
    this.#evicts = false;
    return this.#ahead(nowUs % RANGE);
  }

  /** Waits for so many loads of a word that nobody changes, some ns each. */
  linger(turns: number): void {
    for (let i = 0; i < turns; i++) Atomics.load(this.#halves, 0);
  }

  /** @returns true when the slot is the key's. */
  #load(slot: number): boolean {
    this.#slot = slot;
    this.#scratch[0] = this.#seen = Atomics.load(this.#words, slot);
    if (this.#parts[1]! >>> 12 !== this.#tag) return false;
    this.#evicts = false;
    return true;
  }

  #ahead(now: number): number {
    return distance((this.#parts[1]! & 0xfff) * LOW + (this.#parts[0]! >>> 0), now);
  }

  // Read in halves, which may be of two words: it only chooses, and the swap fails on what was not seen whole.
  #rank(slot: number, high: number, now: number): number {
    const ahead = distance((high & 0xfff) * LOW + (Atomics.load(this.#halves, slot * 2) >>> 0), now);
    return ahead > HORIZON_US ? -RANGE : ahead;
  }
}

function distance(time: number, now: number): number {
  const ahead = time - now;
  if (ahead > RANGE / 2) return ahead - RANGE;
  return ahead < -RANGE / 2 ? ahead + RANGE : ahead;
}
