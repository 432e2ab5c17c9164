import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import template from "../../config/sluice.yaml" with { type: "text" };
import { configJsonSchema } from "../control/config/json-schema.ts";
import type { Io } from "../main.ts";
import { parseArguments } from "./arguments.ts";

const USAGE = "usage: sluice init [FILE] [--force]   (FILE: sluice.yaml)";
const SCHEMA_FILE = "sluice.schema.json";

/** `sluice init`: a commented configuration to start from, and beside it the schema its first line names. */
export function run(args: string[], io: Io): number {
  const parsed = parseArguments(args, { switches: ["force", "help"], words: 1 });
  if ("usage" in parsed) {
    io.err(`sluice init: ${parsed.usage}\n${USAGE}`);
    return 2;
  }
  if (parsed.switches.has("help")) {
    io.out(USAGE);
    return 0;
  }
  const file = parsed.words[0] ?? "sluice.yaml";
  if (existsSync(file) && !parsed.switches.has("force")) {
    io.err(`sluice init: ${file} is there already; --force overwrites it`);
    return 1;
  }
  return write(file, io);
}

function write(file: string, io: Io): number {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, template as unknown as string);
    writeFileSync(join(dirname(file), SCHEMA_FILE), `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
  } catch (error) {
    io.err(`sluice init: cannot write ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
    return 1;
  }
  io.out(`wrote ${file} and ${SCHEMA_FILE}; now: sluice start --config ${file}`);
  return 0;
}
