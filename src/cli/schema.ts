import { configJsonSchema } from "../control/config/json-schema.ts";
import { renderSchemaDocs } from "../control/config/schema-docs.ts";
import { locateConfig } from "../control/config/locate-config.ts";
import type { Io } from "../main.ts";
import { pluginSchemas } from "../plugin-schemas.ts";
import { CONFIG_ARGUMENTS, parseArguments } from "./arguments.ts";

const USAGE = `usage: sluice schema [--markdown] [--config FILE]

  --config   what the plugins beside FILE take is in it too`;

/** `sluice schema`: the configuration's JSON Schema, for editors, plugins included; `--markdown`: docs/configuration.md. */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = parseArguments(args, { ...CONFIG_ARGUMENTS, switches: ["markdown", "help"] });
  if ("usage" in parsed) {
    io.err(`sluice schema: ${parsed.usage}\n${USAGE}`);
    return 2;
  }
  if (parsed.switches.has("help")) io.out(USAGE);
  else if (parsed.switches.has("markdown")) io.out(renderSchemaDocs().trimEnd());
  else
    io.out(
      JSON.stringify(configJsonSchema(await pluginSchemas(locateConfig(parsed.values.config, process.env))), null, 2),
    );
  return 0;
}
