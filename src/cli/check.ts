import { stringify } from "yaml";
import { formatDiagnostic } from "../control/config/diagnostics.ts";
import { loadConfig, type ConfigAccepted, type LoadedConfig } from "../control/config/load-config.ts";
import { locateConfig, NO_CONFIG } from "../control/config/locate-config.ts";
import { maskSecrets } from "../control/config/mask.ts";
import type { Io } from "../main.ts";
import { openCatalogue } from "../plugin-workshop.ts";
import { CONFIG_ARGUMENTS, parseArguments } from "./arguments.ts";

const OPTIONS = { ...CONFIG_ARGUMENTS, switches: ["setup", "show", "strict", "help"] };

const USAGE = `usage: sluice check [--config FILE] [--set path.to.field=value] [--show] [--strict]

  --show     print the effective configuration, secrets masked
  --strict   warnings count as errors
  --setup    run the set-up of every plugin too, as a start does`;

/** `sluice check`: reads the configuration as `start` does and says what is wrong with it. */
export async function run(args: string[], io: Io): Promise<number> {
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
  const plugins = openCatalogue();
  try {
    const loaded = await loadConfig(file, { env: process.env, sets: parsed.lists.set ?? [], plugins });
    return await report(loaded, { file, io, switches: parsed.switches });
  } finally {
    plugins.close();
  }
}

interface Reporting {
  readonly file: string;
  readonly io: Io;
  readonly switches: ReadonlySet<string>;
}

async function report(loaded: LoadedConfig, { file, io, switches }: Reporting): Promise<number> {
  for (const diagnostic of loaded.ok ? [] : loaded.errors) io.err(formatDiagnostic(diagnostic));
  for (const diagnostic of loaded.warnings) io.err(formatDiagnostic(diagnostic));
  if (!loaded.ok) {
    const warnings = loaded.warnings.length > 0 ? `, ${count(loaded.warnings.length, "warning")}` : "";
    io.err(`${file}: ${count(loaded.errors.length, "error")}${warnings}`);
    return 1;
  }
  const problems = switches.has("setup") ? await setupProblems(loaded) : [];
  for (const problem of problems) io.err(problem);
  if (problems.length > 0) {
    io.err(`${file}: ${count(problems.length, "plugin")} cannot be set up`);
    return 1;
  }
  if (switches.has("show")) io.out(stringify(maskSecrets(loaded.config, loaded.secrets)).trimEnd());
  io.out(`${file}: ${summary(loaded)}`);
  for (const line of edgeCosts(loaded)) io.out(line);
  return switches.has("strict") && loaded.warnings.length > 0 ? 1 : 0;
}

async function setupProblems({ spec }: ConfigAccepted): Promise<string[]> {
  if (spec.plugins.instances.length === 0) return [];
  const { checkSetup } = await import("../check-setup.ts");
  return checkSetup(spec);
}

function summary({ spec, warnings }: ConfigAccepted): string {
  const parts = [
    count(spec.listeners.length, "listener"),
    count(spec.upstreams.length, "upstream"),
    count(spec.routes.length, "route"),
    ...(spec.plugins.instances.length > 0 ? [count(spec.plugins.instances.length, "plugin")] : []),
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
