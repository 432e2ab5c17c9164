import type { Io } from "../main.ts";

type Verb = (args: string[], io: Io) => Promise<number> | number;

const VERBS: Readonly<Record<string, () => Promise<{ run: Verb }>>> = {
  new: () => import("./plugin/new.ts"),
  init: () => import("./plugin/init.ts"),
  list: () => import("./plugin/list.ts"),
  test: () => import("./plugin/test.ts"),
};

const USAGE = `usage: sluice plugin new NAME [--dir DIR]     a plugin and its test, to start from
       sluice plugin init [DIR]              types for your editor: tsconfig.json and .sluice/
       sluice plugin list [--config FILE]    what there is, and which routes use it
       sluice plugin test [DIR|NAME]         run the tests of your plugins`;

/** `sluice plugin`: what somebody who writes plugins needs beside an editor. */
export async function run([word, ...args]: string[], io: Io): Promise<number> {
  if (word === "--help" || word === "-h") {
    io.out(USAGE);
    return 0;
  }
  const verb = word !== undefined && Object.hasOwn(VERBS, word) ? VERBS[word] : undefined;
  if (verb === undefined) {
    io.err(word === undefined ? USAGE : `sluice plugin: unknown command "${word}"\n${USAGE}`);
    return 2;
  }
  return (await verb()).run(args, io);
}
