import { readFileSync } from "node:fs";

/**
 * How many ms to add to a process's own monotonic clock so that all processes of the machine agree, within about 10 ms: each
 * process's clock begins at its start, the machine's at boot. Where the machine does not tell, by the wall clock.
 *
 * @param now the process's clock, read at the same moment.
 */
export function machineClockOffset(now: number): number {
  try {
    const seconds = Number.parseFloat(readFileSync("/proc/uptime", "latin1"));
    if (Number.isFinite(seconds)) return seconds * 1000 - now;
  } catch {
    // Not Linux.
  }
  return Date.now() - now;
}
