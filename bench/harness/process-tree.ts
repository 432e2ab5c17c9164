/** What Linux's /proc says about a process and everything it started (proc(5), `stat` and `status`). */
import { readdirSync, readFileSync } from "node:fs";

/** Linux reports CPU time to user space in 1/100 s, whatever the kernel's own tick is (`getconf CLK_TCK`). */
const MICROSECONDS_PER_TICK = 10_000;

interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  readonly ticks: number;
  /** Ticks after boot: with the pid, the identity of a process even after the pid is used again. */
  readonly startedAt: string;
}

function readStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined; // ended between being listed and being read
  }
  // The command's name stands in parentheses and may hold spaces: the fields that follow it start with the 3rd.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return {
    pid,
    parent: Number(fields[1]),
    ticks: Number(fields[11]) + Number(fields[12]),
    startedAt: fields[19] ?? "",
  };
}

/** The process and all its descendants, parents first; empty when it has ended. */
export function processTree(root: number): ProcessStat[] {
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readStat(Number(name)))
    .filter((stat) => stat !== undefined);
  const children = Map.groupBy(all, (stat) => stat.parent);
  const tree = all.filter((stat) => stat.pid === root);
  for (const stat of tree) tree.push(...(children.get(stat.pid) ?? [])); // grows while it is walked
  return tree;
}

/** User and system time of the whole tree so far, in µs. */
export function cpuMicroseconds(root: number): number {
  return processTree(root).reduce((sum, stat) => sum + stat.ticks, 0) * MICROSECONDS_PER_TICK;
}

/** Resident memory of the whole tree in KiB; pages that processes share count once for each. */
export function residentKib(root: number): number {
  return processTree(root).reduce((sum, stat) => sum + residentOf(stat.pid), 0);
}

function residentOf(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Sends the signal to those that are still the processes they were when the tree was taken. */
export function signalAll(tree: readonly ProcessStat[], signal: NodeJS.Signals): void {
  for (const { pid, startedAt } of tree) {
    if (readStat(pid)?.startedAt !== startedAt) continue;
    try {
      process.kill(pid, signal);
    } catch {
      // It ended in between: what was wanted.
    }
  }
}
