import { LATENCY_BUCKETS_MS } from "./slot-totals.ts";

/**
 * The latency that a share of requests stayed below, in ms: between two bounds they are taken to be spread evenly, as Prometheus'
 * `histogram_quantile` does. What lies above the last bound counts as the last bound.
 *
 * @param counts by bucket, not summed up
 * @param share 0 to 1
 * @returns 0 when nothing was counted
 */
export function quantileMs(counts: readonly number[], share: number): number {
  const all = counts.reduce((sum, count) => sum + count, 0);
  if (all === 0) return 0;
  const wanted = share * all;
  let below = 0;
  for (const [i, bound] of LATENCY_BUCKETS_MS.entries()) {
    const here = counts[i]!;
    if (below + here >= wanted && here > 0) {
      const from = i === 0 ? 0 : LATENCY_BUCKETS_MS[i - 1]!;
      return from + ((bound - from) * (wanted - below)) / here;
    }
    below += here;
  }
  return LATENCY_BUCKETS_MS.at(-1)!;
}
