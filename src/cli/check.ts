import { stringify } from "yaml";
import { formatDiagnostic } from "../control/config/diagnostics.ts";
import { loadConfig, type ConfigAccepted } from "../control/config/load-config.ts";
import { locateConfig, NO_CONFIG } from "../control/config/locate-config.ts";
import { maskSecrets } from "../control/config/mask.ts";
import type { Io } from "../main.ts";
import { CONFIG_ARGUMENTS, parseArguments } from "./arguments.ts";

const OPTIONS = { ...CONFIG_ARGUMENTS, switches: ["setup", "show", "strict", "help"] };

const USAGE = `usage: sluice check [--config FILE] [--set path.to.field=value] [--show] [--strict]

  --show     print the effective configuration, secrets masked
  --strict   warnings count as errors
  --setup    run the set-up of plugins too (there is none to run yet)`;

/** `sluice check`: reads the configuration as `start` does and says what is wrong with it. */
export function run(args: string[], io: Io): number {
  const parsed = parseArguments(args, OPTIONS);
  if ("usage" in parsed) {
    io.err(`sluice check: ${parsed.usage}\n${USAGE}`);
    return 2;
  }
  if (parsed.switches.has("help")) {
    io.out(USAGE);
    return 0;
  }
  const file = locateConfig(parsed.values.config, process.env);
  if (file === null) {
    io.err(`sluice check: ${NO_CONFIG}`);
    return 1;
  }
  const loaded = loadConfig(file, { env: process.env, sets: parsed.lists.set ?? [] });
  for (const diagnostic of loaded.ok ? [] : loaded.errors) io.err(formatDiagnostic(diagnostic));
  for (const diagnostic of loaded.warnings) io.err(formatDiagnostic(diagnostic));
  if (!loaded.ok) {
    io.err(
      `${file}: ${count(loaded.errors.length, "error")}${loaded.warnings.length > 0 ? `, ${count(loaded.warnings.length, "warning")}` : ""}`,
    );
    return 1;
  }
  if (parsed.switches.has("show")) io.out(stringify(maskSecrets(loaded.config)).trimEnd());
  io.out(`${file}: ${summary(loaded)}`);
  for (const line of edgeCosts(loaded)) io.out(line);
  return parsed.switches.has("strict") && loaded.warnings.length > 0 ? 1 : 0;
}

function summary({ spec, warnings }: ConfigAccepted): string {
  const parts = [
    count(spec.listeners.length, "listener"),
    count(spec.upstreams.length, "upstream"),
    count(spec.routes.length, "route"),
    ...(warnings.length > 0 ? [count(warnings.length, "warning")] : []),
  ];
  return `ok (${parts.join(", ")})`;
}

/** What `edge: auto` came to, and what that costs. */
function edgeCosts({ spec }: ConfigAccepted): string[] {
  return spec.listeners
    .filter(({ http2, http3 }) => http2 || http3)
    .map(
      ({ name }) =>
        `  listener ${name}: edge serve, for HTTP/2 and HTTP/3; HTTP/1.1 clients there cost more than on edge wire (docs/edges.md)`,
    );
}

function count(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? "" : "s"}`;
}
