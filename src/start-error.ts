import { formatDiagnostic } from "./control/config/diagnostics.ts";
import type { LoadedConfig } from "./control/config/load-config.ts";

/** Why a proxy did not start, in lines for the operator. */
export class StartError extends Error {
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join("\n"));
    this.lines = lines;
  }
}

export function refusedFor(loaded: LoadedConfig): StartError {
  return new StartError(loaded.ok ? [] : loaded.errors.map(formatDiagnostic));
}

export function startError(error: unknown): StartError {
  return new StartError([error instanceof Error ? error.message : String(error)]);
}
