import type { Exchange } from "../../model/exchange.ts";
import { allHold } from "./conditions.ts";
import type { Entry } from "./precedence.ts";

/** Routes with the same path, by rank. */
export type Bucket<R> = Entry<R>[];

/** The first of a bucket whose conditions hold and whose rank is below `worst`. */
export function firstIn<R>(bucket: Bucket<R>, exchange: Exchange, worst: number): Entry<R> | null {
  for (let i = 0; i < bucket.length; i++) {
    const entry = bucket[i]!;
    if (entry.rank >= worst) return null;
    if (allHold(entry.conditions, exchange)) return entry;
  }
  return null;
}

/** Keeps the order in which entries come. */
export function addTo<R>(buckets: Map<string, Bucket<R>>, key: string, entry: Entry<R>): void {
  const bucket = buckets.get(key);
  if (bucket === undefined) buckets.set(key, [entry]);
  else bucket.push(entry);
}
