#!/usr/bin/env bun
/** The composition root: the command line's words to the code that does them. */
import { startProxy } from "./start-proxy.ts";

export interface Io {
  out(text: string): void;
  err(text: string): void;
}

type Command = (args: string[], io: Io) => Promise<number> | number;

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import("./cli/start.ts")).startCommand(startProxy, "serve"),
  dev: async () => (await import("./cli/start.ts")).startCommand(startProxy, "develop"),
  demo: async () => (await import("./cli/demo.ts")).demoCommand(startProxy),
  check: async () => (await import("./cli/check.ts")).run,
  validate: async () => (await import("./cli/check.ts")).run,
  explain: async () => (await import("./cli/explain.ts")).run,
  schema: async () => (await import("./cli/schema.ts")).run,
  init: async () => (await import("./cli/init.ts")).run,
  reload: async () => (await import("./cli/reload.ts")).run,
  keys: async () => (await import("./cli/keys.ts")).run,
  plugin: async () => (await import("./cli/plugin.ts")).run,
  version: async () => (await import("./cli/version.ts")).run,
  // Not for people: `start` starts its workers with it.
  worker: async () => (await import("./worker.ts")).workerCommand,
  // Nor this: `start` and `check` look at plugins with it.
  "plugin-workshop": async () => (await import("./plugin-workshop.ts")).workshopCommand,
  help: async () => (await import("./cli/help.ts")).run,
};

const io: Io = {
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
};

async function main(argv: readonly string[]): Promise<number> {
  const [word = "help", ...args] = argv;
  const name = word === "--help" || word === "-h" ? "help" : word === "--version" || word === "-v" ? "version" : word;
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) {
    io.err(`sluice: unknown command "${word}"; try: sluice help`);
    return 2;
  }
  const command = await load();
  return command(args, io);
}

// A running proxy resolves only when it has drained; everything else answers and is done.
process.exitCode = await main(process.argv.slice(2));
if (process.exitCode !== undefined) process.exit(process.exitCode);
