import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";

export interface MemorySources {
  /** @throws when there is no such file */
  readonly read: (path: string) => string;
  readonly totalBytes: number;
}

/** Where the kernel kills, and how far it is until there. */
export interface MemoryLimit {
  /** Octets: the least limit of our control group and those around it, or all there is. */
  readonly limitBytes: number;
  /**
   * Octets in use in the group that has the limit, without what the kernel takes back by itself; `null` when they cannot be
   * read. The whole function is null where no group has a limit: there each process knows only its own.
   */
  readonly used: (() => number | null) | null;
}

/** How a version of control groups calls its files. */
interface Names {
  readonly root: string;
  readonly limit: string;
  readonly usage: string;
  /** In `memory.stat`, of the group and those inside: caches of files, which the kernel drops before it kills. */
  readonly caches: RegExp;
}

const V2: Names = {
  root: "/sys/fs/cgroup",
  limit: "memory.max",
  usage: "memory.current",
  caches: /^(?:in)?active_file (\d+)$/gm,
};
const V1: Names = {
  root: "/sys/fs/cgroup/memory",
  limit: "memory.limit_in_bytes",
  usage: "memory.usage_in_bytes",
  caches: /^total_(?:in)?active_file (\d+)$/gm,
};
const SYSTEM: MemorySources = { read: (path) => readFileSync(path, "utf8"), totalBytes: totalmem() };

/** Where this process stands. Cheap enough to ask twice a second. */
export function memoryLimit(sources: MemorySources = SYSTEM): MemoryLimit {
  const { read, totalBytes } = sources;
  const groups = quietly(() => read("/proc/self/cgroup")) ?? "";
  const unified = /^0::(\/.*)$/m.exec(groups)?.[1];
  const legacy = /^\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:(\/.*)$/m.exec(groups)?.[1];
  let least: MemoryLimit = { limitBytes: totalBytes, used: null };
  for (const [names, own] of [
    [V2, unified],
    [V1, legacy],
  ] as const) {
    for (const path of own === undefined ? [] : upwards(own)) {
      const group = join(names.root, path);
      const limitBytes = octetsIn(quietly(() => read(join(group, names.limit)))) ?? totalBytes;
      if (limitBytes < least.limitBytes) least = { limitBytes, used: () => usedIn(group, names, sources) };
    }
  }
  return least;
}

function usedIn(group: string, names: Names, { read }: MemorySources): number | null {
  const usage = octetsIn(quietly(() => read(join(group, names.usage))));
  if (usage === null) return null;
  const stat = quietly(() => read(join(group, "memory.stat"))) ?? "";
  let caches = 0;
  for (const [, octets] of stat.matchAll(names.caches)) caches += Number(octets);
  return Math.max(0, usage - caches);
}

// A group may be mounted as the root of what we see: its own path is then nowhere, and the walk ends at the root anyhow.
function upwards(path: string): string[] {
  const paths = [path];
  while (path !== "/" && path !== ".") paths.push((path = dirname(path)));
  return paths;
}

/** "max" is no number. */
function octetsIn(text: string | null): number | null {
  const octets = text === null ? 0 : Number(text.trim());
  return octets > 0 ? octets : null;
}

function quietly(read: () => string): string | null {
  try {
    return read();
  } catch {
    return null;
  }
}
