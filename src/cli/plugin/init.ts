import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Io } from "../../main.ts";
import { parseArguments } from "../arguments.ts";
import { VERSION } from "../version.ts";
import { authorTypes } from "./author-kit.ts";
import { pluginFolders, shownPath } from "./plugin-folders.ts";

const USAGE = "usage: sluice plugin init [DIR]   (DIR: the folder of the configuration's plugins)";

const OURS = ".sluice";
/** What a tsconfig.json needs for plugins to be understood. */
const NEEDED = {
  moduleResolution: "bundler",
  allowImportingTsExtensions: true,
  noEmit: true,
  types: ["bun-types"],
  typeRoots: [`./${OURS}/node_modules`, "./node_modules/@types"],
  paths: { sluice: [`./${OURS}/sluice/plugin.ts`], "sluice/testing": [`./${OURS}/sluice/testing.ts`] },
};
const TSCONFIG = {
  compilerOptions: {
    target: "ESNext",
    module: "ESNext",
    lib: ["ESNext"],
    strict: true,
    noUncheckedIndexedAccess: true,
    verbatimModuleSyntax: true,
    isolatedModules: true,
    skipLibCheck: true,
    ...NEEDED,
  },
};

/** `sluice plugin init`: a folder that needs no `node_modules` for an editor to know what plugins are made of. */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = parseArguments(args, { values: ["config"], switches: ["help"], words: 1 });
  if ("usage" in parsed) {
    io.err(`sluice plugin init: ${parsed.usage}\n${USAGE}`);
    return 2;
  }
  if (parsed.switches.has("help")) {
    io.out(USAGE);
    return 0;
  }
  const [word] = parsed.words;
  const folder = word === undefined ? pluginFolders(parsed.values.config)[0]! : resolve(word);
  try {
    writeTypes(join(folder, OURS), await authorTypes());
    io.out(
      `wrote the types of Sluice ${VERSION} to ${shownPath(join(folder, OURS))}; another version writes them anew`,
    );
    io.out(writeTsconfig(join(folder, "tsconfig.json")));
    return 0;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    io.err(`sluice plugin init: ${code === undefined ? message : `cannot write to ${shownPath(folder)}: ${code}`}`);
    return 1;
  }
}

function writeTypes(folder: string, files: Readonly<Record<string, string>>): void {
  // What an older version wrote and this one does not have would be taken for true.
  for (const part of ["sluice", "node_modules"]) rmSync(join(folder, part), { recursive: true, force: true });
  for (const [path, text] of Object.entries({ ".gitignore": "*\n", ...files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** @returns what became of it, for the user. */
function writeTsconfig(file: string): string {
  const text = `${JSON.stringify(TSCONFIG, null, 2)}\n`;
  if (!existsSync(file)) {
    writeFileSync(file, text, { flag: "wx" });
    return `wrote ${shownPath(file)}`;
  }
  const own = readFileSync(file, "utf8");
  const isLinked = Object.values(NEEDED.paths).every(([path]) => own.includes(path!.slice("./".length)));
  if (isLinked) return `${shownPath(file)} leads there already`;
  const lines = JSON.stringify(NEEDED, null, 2).split("\n").slice(1, -1);
  return [`${shownPath(file)} is yours and stays as it is; its compilerOptions need:`, "", ...lines].join("\n");
}
