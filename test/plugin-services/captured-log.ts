import pino from "pino";
import type { Logger } from "../../src/observability/logger.ts";

/** A log whose lines a test can read. */
export function capturedLog(): { log: Logger; lines: Array<Record<string, unknown>> } {
  const lines: Array<Record<string, unknown>> = [];
  const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
  const formatters = { level: (level: string) => ({ level }) };
  return { lines, log: pino({ level: "debug", base: undefined, formatters }, { write }) };
}
