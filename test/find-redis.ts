import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface RedisSearch {
  /** Where programs are looked for. */
  readonly path: string;
  /** May this process install packages? */
  readonly isRoot: boolean;
  /** How long each of the two steps of an installation may take. */
  readonly patienceMs: number;
  readonly say: (line: string) => void;
}

export function thisMachine(): RedisSearch {
  return {
    path: process.env.PATH ?? "",
    isRoot: process.getuid?.() === 0,
    patienceMs: 120_000,
    say: (line) => console.log(line),
  };
}

/**
 * Rate limits and `kv` are tested against a real Redis: finds `redis-server`, or installs Debian's package where it may.
 * @returns why there is none, for people, or null when there is one
 */
export async function findRedis(search: RedisSearch): Promise<string | null> {
  const { path, isRoot, say } = search;
  const found = Bun.which("redis-server", { PATH: path });
  if (found !== null) {
    say(`redis-server is ${found}`);
    return null;
  }
  const aptGet = Bun.which("apt-get", { PATH: path });
  if (aptGet === null) return "redis-server is not installed, and there is no apt-get to install it with";
  if (!isRoot) return "redis-server is not installed, and only root may: apt-get install redis-server";
  say("redis-server is not installed: apt-get install redis-server");
  const failure = await install(aptGet, search);
  const installed = Bun.which("redis-server", { PATH: path });
  if (installed === null) return `apt-get did not install redis-server: ${failure ?? "it is not in PATH"}`;
  say(`redis-server is ${installed}`);
  return null;
}

async function install(aptGet: string, search: RedisSearch): Promise<string | null> {
  const quick = ["-o", "Acquire::http::Timeout=20", "-o", "Acquire::Retries=1"];
  // A new machine has no lists. A list that cannot be had may be one that is not needed.
  await run([aptGet, "-qq", ...quick, "update"], search);
  const quiet = ["-qq", "-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=60"];
  return run([aptGet, ...quiet, ...quick, "install", "redis-server"], search);
}

/** @returns what went wrong, or null */
async function run(command: readonly string[], { path, patienceMs }: RedisSearch): Promise<string | null> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-apt-"));
  const output = join(folder, "output");
  // Nobody asks questions, and no service is started where the runlevel says which ones are.
  const env = { ...process.env, PATH: path, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1", LC_ALL: "C" };
  const file = Bun.file(output);
  const child = Bun.spawn([...command], { env, detached: true, stdin: "ignore", stdout: file, stderr: file });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    // With what it has started.
    process.kill(-child.pid, "SIGTERM");
  }, patienceMs);
  const code = await child.exited;
  clearTimeout(timer);
  const lastLine = readFileSync(output, "utf8").trim().split("\n").at(-1)!.slice(0, 200);
  rmSync(folder, { recursive: true, force: true });
  if (isLate) return `it took longer than ${patienceMs / 1000} s`;
  return code === 0 ? null : `it ended with ${code} (${lastLine || "without a word"})`;
}
