import { configJsonSchema } from "../control/config/json-schema.ts";
import { renderSchemaDocs } from "../control/config/schema-docs.ts";
import type { Io } from "../main.ts";
import { parseArguments } from "./arguments.ts";

const USAGE = "usage: sluice schema [--markdown]";

/** `sluice schema`: the configuration's JSON Schema, for editors; `--markdown`: docs/configuration.md. */
export function run(args: string[], io: Io): number {
  const parsed = parseArguments(args, { switches: ["markdown", "help"] });
  if ("usage" in parsed) {
    io.err(`sluice schema: ${parsed.usage}\n${USAGE}`);
    return 2;
  }
  if (parsed.switches.has("help")) io.out(USAGE);
  else
    io.out(
      parsed.switches.has("markdown") ? renderSchemaDocs().trimEnd() : JSON.stringify(configJsonSchema(), null, 2),
    );
  return 0;
}
