/** Starts processes on chosen cores and ends every one of them, whichever way the benchmark ends. */
import { readFileSync } from "node:fs";
import { processTree, signalAll } from "./process-tree.ts";

const STOP_GRACE_MS = 3_000;
const LOG_TAIL_LINES = 15;

export interface StartPlan {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface Started {
  readonly pid: number;
  readonly logFile: string;
  /** True until the first process of the tree has ended. */
  alive(): boolean;
  /** SIGTERM, then SIGKILL for the whole tree after a grace. */
  stop(): Promise<void>;
}

/** The roots of the trees that are to end with us. */
const running = new Set<number>();

/** @param cores as `taskset -c` takes them: `0`, `0,2` */
export function startPinned(plan: StartPlan, cores: string, logFile: string): Started {
  const child = Bun.spawn(["taskset", "-c", cores, ...plan.command], {
    cwd: plan.cwd,
    env: { ...process.env, ...plan.env },
    stdin: "ignore",
    stdout: Bun.file(logFile),
    stderr: Bun.file(`${logFile}.err`),
  });
  const started: Started = {
    pid: child.pid,
    logFile,
    alive: () => child.exitCode === null && child.signalCode === null,
    async stop() {
      const tree = processTree(child.pid);
      child.kill("SIGTERM");
      await Promise.race([child.exited, Bun.sleep(STOP_GRACE_MS)]);
      signalAll(tree, "SIGKILL");
      await child.exited;
      running.delete(child.pid);
    },
  };
  running.add(child.pid);
  return started;
}

/** Runs a tool on the cores to its end and gives what it printed. @throws an Error with its own words when it fails */
export async function runPinned(command: readonly string[], cores: string): Promise<string> {
  const child = Bun.spawn(["taskset", "-c", cores, ...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  running.add(child.pid);
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  running.delete(child.pid);
  if (code !== 0) throw new Error(`${command[0]}: ${err.trim() || out.trim() || `exit code ${code}`}`);
  return out;
}

/** The last lines a process wrote to its standard output and error. */
export function logTail(started: Started): string {
  return [started.logFile, `${started.logFile}.err`]
    .flatMap((file) => readFileSync(file, "utf8").trimEnd().split("\n").slice(-LOG_TAIL_LINES))
    .filter((line) => line !== "")
    .map((line) => `    | ${line}`)
    .join("\n");
}

function killEverything(): void {
  for (const pid of running) signalAll(processTree(pid), "SIGKILL");
}

/** Call once, first: nothing that was started outlives this process, not even on Ctrl-C or a throw. */
export function endChildrenWithUs(): void {
  process.on("exit", killEverything);
  process.on("SIGINT", () => process.exit(130));
  process.on("SIGTERM", () => process.exit(143));
}
