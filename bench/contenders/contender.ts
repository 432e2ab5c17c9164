import type { StartPlan } from "../harness/processes.ts";
import type { Workspace } from "../harness/workspace.ts";

/** Where one run of a contender happens. */
export interface Place {
  readonly workspace: Workspace;
  readonly port: number;
  readonly originPort: number;
}

export interface Tool {
  readonly command: string;
  readonly install: string;
}

/** A proxy as it is measured: how to start it on a port, in front of the origin. */
export interface Contender {
  readonly name: string;
  /** What it is compared with. */
  readonly reference: string;
  readonly scheme: "http" | "https";
  /** The paths measured unless some are asked for. */
  readonly paths: readonly string[];
  /** Part of the quick run, or of `--full` only. */
  readonly quick: boolean;
  /** Worker processes that need a core each. */
  readonly cores: number;
  readonly tools: readonly Tool[];
  /** The port it listens on when it cannot be told one. */
  readonly fixedPort?: number;
  /** Writes its configuration and says how to start it in the foreground. */
  plan(place: Place): StartPlan | Promise<StartPlan>;
}

export const ALL_PATHS = ["/", "/10k", "/100k", "/1m"] as const;

/** What most contenders share. */
export const PLAIN = {
  reference: "nginx",
  scheme: "http",
  paths: ALL_PATHS,
  quick: true,
  cores: 1,
} as const;

/** A sentence for each tool that is missing, with the way to get it. */
export function missingTools(tools: readonly Tool[]): string | undefined {
  const missing = tools.filter((tool) => Bun.which(tool.command) === null);
  return missing.length === 0
    ? undefined
    : missing.map(({ command, install }) => `${command}: not installed: ${install}`).join("; ");
}
