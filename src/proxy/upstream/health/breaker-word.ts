/**
 * A breaker's state in one 32-bit word, so that one compare-and-swap changes it whole: what it is, why, and since when. Times are
 * ms modulo 2^28 (three days); whoever compares them knows that they are close to each other.
 */
export const CLOSED = 0;
export const OPEN = 1;
export const HALF_OPEN = 2;
const KIND_MASK = 3;

export const BY_ROW = 0;
export const BY_COUNT = 1;
export const BY_RATIO = 2;
export const BY_PROBE = 3;
const CAUSE_SHIFT = 2;

const TIME_SHIFT = 4;
const TIME_MASK = 2 ** 28 - 1;
/** Clocks of two processes differ by a little: less than this behind is "now". */
const BEHIND_MS = 60_000;
/** Nothing that began longer ago is still waited for. */
const LONGEST_CALL_MS = 3_600_000;
const SKEW_MS = 20;

export type Kind = typeof CLOSED | typeof OPEN | typeof HALF_OPEN;
export type Cause = typeof BY_ROW | typeof BY_COUNT | typeof BY_RATIO | typeof BY_PROBE;

export function stateWord(kind: Kind, cause: Cause, now: number): number {
  return (timeOf(now) << TIME_SHIFT) | (cause << CAUSE_SHIFT) | kind | 0;
}

export function kindOf(word: number): Kind {
  return (word & KIND_MASK) as Kind;
}

export function causeOf(word: number): Cause {
  return ((word >>> CAUSE_SHIFT) & KIND_MASK) as Cause;
}

/** Ms since the state began; 0 when another process's clock is a little ahead. */
export function sinceMs(word: number, now: number): number {
  const elapsed = (timeOf(now) - (word >>> TIME_SHIFT)) & TIME_MASK;
  return elapsed > TIME_MASK - BEHIND_MS ? 0 : elapsed;
}

/** A moment as a word, never 0; `sinceMs` reads it. */
export function stampOf(now: number): number {
  return (timeOf(now) << TIME_SHIFT) | 1;
}

/** Did a call that ends now begin before the state did? Its outcome then says nothing about it. */
export function beganBefore(word: number, now: number, latencyMs: number): boolean {
  const since = word >>> TIME_SHIFT;
  // Looked at first: to a state that is days old everything might seem to lie ahead. What is left of that: calls under way at one
  // moment in three days are not counted.
  if (((timeOf(now) - since) & TIME_MASK) > LONGEST_CALL_MS) return false;
  const lead = (since - timeOf(now - latencyMs)) & TIME_MASK;
  return lead > SKEW_MS && lead <= LONGEST_CALL_MS;
}

/** Tells one half-open spell from the next: the low bits of when it began. */
export function spellOf(word: number): number {
  return (word >>> TIME_SHIFT) & 1023;
}

function timeOf(now: number): number {
  return Math.floor(now) & TIME_MASK;
}
