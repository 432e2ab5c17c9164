import { basename } from "node:path";

/** `plugins/jwt.ts:27:9 request(): message`, with the innermost place in the plugin's own files where the stack shows one. */
export function describeHookError(file: string, phase: string, cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return `${placeOf(file, cause)} ${phase}(): ${message}`;
}

function placeOf(file: string, cause: unknown): string {
  const stack = cause instanceof Error ? (cause.stack ?? "") : "";
  const name = basename(file);
  for (const line of stack.split("\n")) {
    const frame = /([^\s()]+):(\d+):(\d+)\)?$/.exec(line);
    if (frame !== null && basename(frame[1]!) === name) return `${file}:${frame[2]}:${frame[3]}`;
  }
  return file;
}
