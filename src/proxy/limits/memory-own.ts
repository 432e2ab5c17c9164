import type { Memory } from "./memory-guard.ts";
import { memoryLimit, type MemorySources } from "./memory-limit.ts";

/**
 * What counts for this process: all that its control group uses where that has a limit, for the kernel counts so, too: workers,
 * their supervisor, what plugins started. Else its own part of the machine.
 *
 * @param workers how many serve
 */
export function ownMemory(workers: () => number, sources?: MemorySources): Memory {
  const limit = memoryLimit(sources);
  // Where the group's use cannot be read its limit is shared out.
  const ofGroup = limit.used !== null && limit.used() !== null ? limit.used : null;
  return {
    used: () => ofGroup?.() ?? process.memoryUsage.rss(),
    get limitBytes() {
      return ofGroup === null ? limit.limitBytes / Math.max(1, workers()) : limit.limitBytes;
    },
    reclaim: () => Bun.gc(true),
  };
}
