import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** `FILE:LINE` of what a type check complains of, and all that it says. */
export interface Checked {
  readonly exitCode: number;
  readonly errors: readonly string[];
  readonly output: string;
}

const FIXTURES = import.meta.dir;
const MARK = "// @ts-expect-error";

/** Right and wrong uses of the contract, which `bun check` reads with the rest of the tree. */
export function fixtures(): Map<string, string> {
  const names = readdirSync(FIXTURES).filter((name) => /^(right|wrong)-[\w-]+\.ts$/.test(name));
  return new Map(names.sort().map((name) => [name, readFileSync(join(FIXTURES, name), "utf8")]));
}

/** The same without its excuses. */
export function bare(source: string): string {
  return source.replaceAll(MARK, "// wrong:");
}

/** The lines after the excuses. */
export function wrongLines(name: string, source: string): string[] {
  return source.split("\n").flatMap((line, at) => (line.trim().startsWith(MARK) ? [`${name}:${at + 2}`] : []));
}

/** `bun check` in a folder. */
export async function check(folder: string): Promise<Checked> {
  const child = Bun.spawn([process.execPath, "check", "--all", "--no-pretty"], {
    cwd: folder,
    env: { ...process.env, NO_COLOR: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  const places = [...out.matchAll(/^(\S+)\((\d+),\d+\): error/gm)].map(([, file, line]) => `${file}:${line}`);
  return { exitCode: await child.exited, errors: [...new Set(places)], output: out + err };
}
