import { existsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Glob } from "bun";
import type { Io } from "../../main.ts";
import { parseArguments } from "../arguments.ts";
import { isExecutable, testPreload } from "./author-kit.ts";
import { pluginFolders, shownPath } from "./plugin-folders.ts";

const USAGE = `usage: sluice plugin test [DIR|NAME] [--config FILE]

  DIR: a folder of plugins; NAME: a plugin of the configuration's folders, or a test's file. Without: all of them.`;
const TESTS = new Glob("**/*.{test,spec}.{ts,js}");

/** The tests end by them, and then this does. */
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** A run of `bun test`: in a folder, of these files. */
interface Run {
  readonly folder: string;
  readonly files: readonly string[];
}

/** `sluice plugin test`: runs the tests of plugins, which may lie anywhere, with the `sluice` that this program is. */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = parseArguments(args, { values: ["config"], switches: ["help"], words: 1 });
  if ("usage" in parsed) {
    io.err(`sluice plugin test: ${parsed.usage}\n${USAGE}`);
    return 2;
  }
  if (parsed.switches.has("help")) {
    io.out(USAGE);
    return 0;
  }
  const folders = pluginFolders(parsed.values.config);
  const runs = runsOf(parsed.words[0], folders).filter(({ files }) => files.length > 0);
  if (runs.length === 0) {
    const where = parsed.words[0] ?? folders.map(shownPath).join(", ");
    io.err(`sluice plugin test: no tests (*.test.ts) for ${where}; \`sluice plugin new NAME\` writes a first one`);
    return 1;
  }
  try {
    using preload = await testPreload();
    let worst = 0;
    for (const each of runs) worst = Math.max(worst, await runTests(each, preload.file));
    return worst;
  } catch (error) {
    io.err(`sluice plugin test: ${(error as Error).message}`);
    return 1;
  }
}

function runsOf(word: string | undefined, folders: readonly string[]): Run[] {
  if (word === undefined) return folders.map((folder) => ({ folder, files: testsIn(folder) }));
  const path = resolve(word);
  if (isFolder(path)) return [{ folder: path, files: testsIn(path) }];
  if (/\.(ts|js)$/.test(word) && existsSync(path))
    return [{ folder: dirname(path), files: [testOf(path)].filter(existsSync) }];
  return folders.map((folder) => {
    const beside = [`${word}.test.ts`, `${word}.test.js`].map((file) => join(folder, file)).filter(existsSync);
    return { folder, files: [...beside, ...testsIn(join(folder, word))] };
  });
}

/** `a.ts` stands for `a.test.ts`. */
function testOf(file: string): string {
  return /\.(test|spec)\.(ts|js)$/.test(file) ? file : file.replace(/\.(ts|js)$/, ".test.$1");
}

function testsIn(folder: string): string[] {
  if (!isFolder(folder)) return [];
  const files = [...TESTS.scanSync({ cwd: folder })].filter((file) => !file.split("/").includes("node_modules"));
  return files.sort().map((file) => join(folder, file));
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** By its exit code; a signal counts as a failure. */
async function runTests({ folder, files }: Run, preload: string): Promise<number> {
  const child = Bun.spawn([process.execPath, "test", "--preload", preload, ...files], {
    cwd: folder,
    // The executable is Bun itself, when told so.
    env: { ...process.env, ...(isExecutable() ? { BUN_BE_BUN: "1" } : {}) },
    stdio: ["inherit", "inherit", "inherit"],
  });
  const stop = () => child.kill();
  for (const signal of SIGNALS) process.on(signal, stop);
  const code = await child.exited;
  for (const signal of SIGNALS) process.off(signal, stop);
  return code === 0 ? 0 : 1;
}
