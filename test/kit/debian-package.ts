import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What an installation depends on; tests give other ones. */
export interface Machine {
  /** Where programs are looked for. */
  readonly path: string;
  /** May this process install packages? */
  readonly isRoot: boolean;
  /** How long everything may take together. */
  readonly patienceMs: number;
  readonly say: (line: string) => void;
}

/** What is wanted, and Debian's packages that it comes in. */
export interface Wanted {
  readonly name: string;
  readonly packages: readonly string[];
}

const QUICK = ["-o", "Acquire::http::Timeout=20", "-o", "Acquire::Retries=1"];
const QUIET = ["-qq", "-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=60"];

/**
 * Installs packages of Debian where that may be done: all at once, and each by itself where one of them cannot be had.
 * @returns why it could not, for people, by name of what is wanted
 */
export async function installPackages(wanted: readonly Wanted[], machine: Machine): Promise<Map<string, string>> {
  const packages = (some: readonly Wanted[]) => some.flatMap((one) => one.packages);
  const forAll = (reason: (one: Wanted) => string) => new Map(wanted.map((one) => [one.name, reason(one)]));
  const aptGet = Bun.which("apt-get", { PATH: machine.path });
  if (aptGet === null) return forAll(() => "it is not installed, and there is no apt-get to install it with");
  const command = (some: readonly Wanted[]) => `apt-get install ${packages(some).join(" ")}`;
  if (!machine.isRoot) return forAll((one) => `it is not installed, and only root may: ${command([one])}`);
  machine.say(`${wanted.map(({ name }) => name).join(", ")}: not installed: ${command(wanted)}`);
  const deadline = performance.now() + machine.patienceMs;
  const apt = (words: readonly string[], share = 1) => {
    const patienceMs = (deadline - performance.now()) * share;
    return run([aptGet, ...words], { path: machine.path, patienceMs });
  };
  // A new machine has no lists. A list that cannot be had may be one that is not needed.
  await apt(["-qq", ...QUICK, "update"], 1 / 3);
  const install = (some: readonly Wanted[], ...more: string[]) => [
    ...QUIET,
    ...QUICK,
    ...more,
    "install",
    ...packages(some),
  ];
  // What takes long comes first, and can be broken off without harm.
  const failure = (await apt(install(wanted, "--download-only"), 2 / 3)) ?? (await apt(install(wanted)));
  if (failure === null) return new Map();
  const failures = new Map<string, string>();
  for (const one of wanted) {
    const why = wanted.length === 1 ? failure : await apt(install([one]));
    if (why !== null) failures.set(one.name, `apt-get did not install ${one.packages.join(" ")}: ${why}`);
  }
  return failures;
}

/** @returns what went wrong, or null */
async function run(
  command: readonly string[],
  { path, patienceMs }: { path: string; patienceMs: number },
): Promise<string | null> {
  if (patienceMs <= 0) return "there was no time left for it";
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
  if (isLate) return "it took too long";
  return code === 0 ? null : `it ended with ${code} (${lastLine || "without a word"})`;
}
