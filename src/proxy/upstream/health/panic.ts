import type { Standing } from "./health-state.ts";

/** What may be picked from. */
export interface Usable<T> {
  readonly members: readonly T[];
  /** Too few are available: the suspects are used as well, since the few would not survive alone what is meant for all. */
  readonly isPanicking: boolean;
}

/**
 * @param panicBelow 0 to 1: when less than this share of what is not barred is available, suspects are used too (Envoy's panic
 * threshold). Above 0 that includes the case that none is available. null: never.
 */
export function usableOf<T>(
  members: readonly T[],
  standing: (member: T) => Standing,
  panicBelow: number | null,
): Usable<T> {
  const available: T[] = [];
  const notBarred: T[] = [];
  for (const member of members) {
    const its = standing(member);
    if (its === "barred") continue;
    notBarred.push(member);
    if (its === "available") available.push(member);
  }
  const isPanicking = panicBelow !== null && available.length < notBarred.length * panicBelow;
  return { members: isPanicking ? notBarred : available, isPanicking };
}
