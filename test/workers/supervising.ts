import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WorkerEvent } from "../../src/control/workers/messages.ts";
import { Supervisor, type SupervisorOptions } from "../../src/control/workers/supervisor.ts";
import type { SnapshotSpec } from "../../src/model/snapshot-spec.ts";
import { createHookPage } from "../../src/plugin-services/hook-page.ts";

const SCRIPT = join(import.meta.dir, "scripted-worker.ts");

export function version(number: number, workers: number): SnapshotSpec {
  // What the supervisor itself reads of a specification.
  const shutdown = { delayMs: 0, drainMs: 1000, retireMs: null };
  return { version: number, workers, listeners: [], routes: [], upstreams: [], shutdown } as unknown as SnapshotSpec;
}

export interface Stage {
  readonly supervisor: Supervisor;
  /** What the workers of a place were asked. */
  readonly asked: (place: number) => string[];
  readonly events: readonly WorkerEvent[];
}

/** What a supervisor needs beside a command. */
export function bareOptions(notice: (event: WorkerEvent) => void): Omit<SupervisorOptions, "command"> {
  return {
    pages: { give: () => null, taken: () => undefined, gone: () => undefined },
    plugins: { kv: { run: () => Promise.reject(new Error("no plugins here")) }, hookSign: createHookPage },
    shared: null,
    verdicts: () => [],
    notice,
    reported: () => undefined,
  };
}

/** A supervisor whose workers behave as listed, by place. */
export async function supervising(
  behaviours: readonly string[],
  check: (stage: Stage) => Promise<void>,
  options: Partial<SupervisorOptions> = {},
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
  const notes = (place: number) => join(folder, `worker-${place}`);
  const events: WorkerEvent[] = [];
  const supervisor = new Supervisor({
    command: (place) => [process.execPath, SCRIPT, notes(place), behaviours[place - 1] ?? "good"],
    ...bareOptions((event) => events.push(event)),
    ...options,
  });
  const asked = (place: number) => {
    return existsSync(notes(place)) ? readFileSync(notes(place), "utf8").trim().split("\n") : [];
  };
  try {
    await check({ supervisor, asked, events });
  } finally {
    supervisor.stop();
    rmSync(folder, { recursive: true });
  }
}
