import { randomBytes } from "node:crypto";
import { LocalLimiter } from "./limits/gcra.ts";
import { InFlight, inFlightLength } from "./limits/in-flight.ts";
import { formatTable, largestTable, SharedTable, tableWords } from "./limits/shared-table.ts";
import { BREAKER_WORDS } from "./upstream/health/circuit-breaker.ts";

/** What all workers of the machine share; in one process it is plain memory. */
export interface SharedState {
  /** `BREAKER_WORDS` of them for a slot; from `BREAKER_SLOTS` on they are this process's own. */
  breakerWords(slot: number): Int32Array;
  /** Add to a monotonic `now` for times in shared words. */
  readonly clockOffsetMs: number;
  /** `GATES` of them. */
  readonly inFlight: InFlight;
  /** Exact over all that share it. */
  readonly rates: LocalLimiter;
}

/** Breakers of upstreams and endpoints together. */
export const BREAKER_SLOTS = 8_192;
/** Routes and upstreams with a cap on what is in flight. */
export const GATES = 4_096;
/** Processes that may count what they have in flight: those that serve, and those that were replaced and still drain. */
export const WORKER_ROWS = 64;
/** Keys with a limit that is not refilled yet, unless said otherwise; with more, those closest to a full one are forgotten first. */
export const RATE_KEYS = 131_072;

const BREAKERS_BYTES = BREAKER_SLOTS * BREAKER_WORDS * Int32Array.BYTES_PER_ELEMENT;
const GATES_AT = BREAKERS_BYTES;
const GATE_NUMBERS = inFlightLength(GATES, WORKER_ROWS);
const RATES_AT = GATES_AT + GATE_NUMBERS * Int32Array.BYTES_PER_ELEMENT;

/** The memory that workers share. @param rateKeys that are remembered, at least */
export function sharedStateBytes(rateKeys: number): number {
  return RATES_AT + tableWords(rateKeys) * BigInt64Array.BYTES_PER_ELEMENT;
}

/** Memory of this process alone. */
export function localState(rateKeys = RATE_KEYS): SharedState {
  const words = new BigInt64Array(tableWords(rateKeys));
  formatTable(words, randomBytes(8).readBigInt64LE());
  return {
    breakerWords: ownWords(),
    clockOffsetMs: 0,
    inFlight: InFlight.local(GATES),
    rates: new LocalLimiter(new SharedTable(words)),
  };
}

/** Makes zeros ready to be shared; by whoever created them, before anybody else maps them. */
export function formatSharedState(memory: Uint8Array): void {
  formatTable(rateWordsOf(memory), randomBytes(8).readBigInt64LE());
}

/**
 * What a worker sees in memory that others map, too.
 *
 * @param memory `sharedStateBytes` of it, formatted
 * @param row where nobody else counts while this process lives; null: it counts what it has in flight alone
 */
export function mappedState(memory: Uint8Array, parts: { row: number | null; clockOffsetMs: number }): SharedState {
  const own = ownWords();
  return {
    breakerWords: (slot) => {
      if (slot >= BREAKER_SLOTS) return own(slot);
      const at = memory.byteOffset + slot * BREAKER_WORDS * Int32Array.BYTES_PER_ELEMENT;
      return new Int32Array(memory.buffer, at, BREAKER_WORDS);
    },
    clockOffsetMs: parts.clockOffsetMs,
    inFlight: parts.row === null ? InFlight.local(GATES) : sharedInFlight(memory, parts.row),
    rates: new LocalLimiter(new SharedTable(rateWordsOf(memory))),
  };
}

/** The counts of all workers, for whoever clears the row of one that has ended. */
export function sharedInFlight(memory: Uint8Array, row: number): InFlight {
  const counts = new Int32Array(memory.buffer, memory.byteOffset + GATES_AT, GATE_NUMBERS);
  return new InFlight(counts, WORKER_ROWS, row);
}

function rateWordsOf(memory: Uint8Array): BigInt64Array {
  const words = largestTable((memory.byteLength - RATES_AT) / BigInt64Array.BYTES_PER_ELEMENT);
  if (words === 0)
    throw new Error(`shared memory of ${memory.byteLength} bytes: ${sharedStateBytes(1)} are needed at least`);
  return new BigInt64Array(memory.buffer, memory.byteOffset + RATES_AT, words);
}

/** A slot's words outlive the snapshots that ask for them. */
function ownWords(): (slot: number) => Int32Array {
  const words = new Map<number, Int32Array>();
  return (slot) => {
    let found = words.get(slot);
    if (found === undefined) words.set(slot, (found = new Int32Array(BREAKER_WORDS)));
    return found;
  };
}
