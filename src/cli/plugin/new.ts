import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Io } from "../../main.ts";
import { SHIPPED_PLUGINS } from "../../shipped-plugins.ts";
import { parseArguments } from "../arguments.ts";
import { pluginFolders, shownPath } from "./plugin-folders.ts";
import { pluginSource, testSource } from "./templates.ts";

const USAGE = "usage: sluice plugin new NAME [--dir DIR] [--config FILE]";

/** `sluice plugin new`: a plugin that works and a test that passes, for an author to change. */
export function run(args: string[], io: Io): number {
  const parsed = parseArguments(args, { values: ["dir", "config"], switches: ["help"], words: 1 });
  if ("usage" in parsed) return usage(io, parsed.usage);
  if (parsed.switches.has("help")) {
    io.out(USAGE);
    return 0;
  }
  const [name] = parsed.words;
  if (name === undefined) return usage(io, "NAME is needed");
  const problem = problemOf(name);
  if (problem !== null) return usage(io, problem);
  const known = pluginFolders(parsed.values.config);
  const folder = parsed.values.dir === undefined ? known[0]! : resolve(parsed.values.dir);
  const taken = [`${name}.ts`, `${name}.js`, name, `${name}.test.ts`]
    .map((file) => join(folder, file))
    .find(existsSync);
  if (taken !== undefined) return failed(io, `${shownPath(taken)} is there already; nothing was written`);
  try {
    write(folder, name);
  } catch (error) {
    return failed(
      io,
      `cannot write to ${shownPath(folder)}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`,
    );
  }
  io.out(nextSteps({ name, folder, isKnown: known.includes(folder) }));
  return 0;
}

/** What is wrong with a plugin's name; null: nothing. */
function problemOf(name: string): string | null {
  if (/\.(ts|js)$/.test(name)) return `NAME goes without its ending: ${name.slice(0, -3)}`;
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/.test(name))
    return `a plugin's name is made of letters, digits, ".", "_" and "-", not ${JSON.stringify(name)}`;
  if (/\.(test|d)$/.test(name)) return `${name}.ts would not be taken for a plugin: choose another name`;
  if (name === "node_modules") return "node_modules is where packages are: choose another name";
  if (Object.hasOwn(SHIPPED_PLUGINS, name))
    return `a plugin called ${name} ships with Sluice, and yours would take its place: choose another name`;
  return null;
}

function write(folder: string, name: string): void {
  mkdirSync(folder, { recursive: true });
  // wx: what appeared there meanwhile is not overwritten either.
  writeFileSync(join(folder, `${name}.ts`), pluginSource(name), { flag: "wx" });
  writeFileSync(join(folder, `${name}.test.ts`), testSource(name), { flag: "wx" });
}

function nextSteps({ name, folder, isKnown }: { name: string; folder: string; isKnown: boolean }): string {
  const shown = shownPath(folder);
  const there = isKnown ? name : join(folder, `${name}.test.ts`);
  const tell = isKnown
    ? []
    : ["", "tell Sluice where it is, in sluice.yaml:", "", `  plugins: { dir: ${JSON.stringify(folder)} }`];
  return [
    `wrote ${join(shown, `${name}.ts`)} and ${join(shown, `${name}.test.ts`)}`,
    "",
    `  sluice plugin test ${shownPath(there)}`.trimEnd(),
    `  sluice plugin init ${shown}    so that your editor knows the types`,
    ...tell,
    "",
    "use it in a route of sluice.yaml:",
    "",
    `  plugins: [{ use: ${name}, with: { header: X-Client } }]`,
  ].join("\n");
}

function usage(io: Io, problem: string): number {
  io.err(`sluice plugin new: ${problem}\n${USAGE}`);
  return 2;
}

function failed(io: Io, problem: string): number {
  io.err(`sluice plugin new: ${problem}`);
  return 1;
}
