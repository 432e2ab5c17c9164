import { existsSync } from "node:fs";
import { formatDiagnostic } from "../../control/config/diagnostics.ts";
import { loadConfig, type LoadedConfig } from "../../control/config/load-config.ts";
import { locateConfig } from "../../control/config/locate-config.ts";
import type { LoadAnswer } from "../../control/plugins/dialogue.ts";
import { PluginSources, type PluginSource } from "../../control/plugins/plugin-folders.ts";
import type { SnapshotSpec } from "../../model/snapshot-spec.ts";
import type { Io } from "../../main.ts";
import { openCatalogue } from "../../plugin-workshop.ts";
import { parseArguments } from "../arguments.ts";
import { pluginFolders, shownPath } from "./plugin-folders.ts";
import { SHIPPED_SUMMARIES } from "./shipped-summaries.ts";

const USAGE = "usage: sluice plugin list [--config FILE]";

/** Of a plugin's configuration. */
const MAX_FIELDS = 8;

interface Listed {
  readonly source: PluginSource;
  readonly answer: LoadAnswer;
  /** null: the configuration cannot be read, so nobody knows. */
  readonly routes: readonly string[] | null;
}

/** `sluice plugin list`: every plugin a configuration could use, and which routes use it. */
export async function run(args: string[], io: Io): Promise<number> {
  const parsed = parseArguments(args, { values: ["config"], switches: ["help"] });
  if ("usage" in parsed) {
    io.err(`sluice plugin list: ${parsed.usage}\n${USAGE}`);
    return 2;
  }
  if (parsed.switches.has("help")) {
    io.out(USAGE);
    return 0;
  }
  const file = locateConfig(parsed.values.config, process.env);
  if (file !== null && !existsSync(file)) {
    io.err(`sluice plugin list: cannot read ${file}: no such file`);
    return 1;
  }
  const plugins = openCatalogue();
  try {
    const loaded = file === null ? null : await loadConfig(file, { env: process.env, plugins });
    const uses = usesOf(loaded);
    const listed: Listed[] = [];
    for (const source of new PluginSources(pluginFolders(file ?? undefined), plugins.shipped).all) {
      const answer = await plugins.load(source);
      listed.push({ source, answer, routes: answer.ok ? (uses?.get(answer.module) ?? (uses && [])) : [] });
    }
    print(listed, io);
    for (const error of loaded?.ok === false ? loaded.errors : []) io.err(formatDiagnostic(error));
    if (uses === null) io.err(`${file}: has errors, so what its routes use is not known`);
    return 0;
  } finally {
    plugins.close();
  }
}

/** Names of the routes by the module they use; without a configuration nobody uses anything. */
function usesOf(loaded: LoadedConfig | null): Map<string, string[]> | null {
  if (loaded === null) return new Map();
  return loaded.ok ? usesIn(loaded.spec) : null;
}

function usesIn({ routes, plugins }: SnapshotSpec): Map<string, string[]> {
  const modules = new Map(plugins.instances.map(({ key, module }) => [key, module]));
  const uses = new Map<string, string[]>();
  for (const route of routes) {
    for (const module of new Set(route.plugins.map(({ key }) => modules.get(key) ?? "")))
      uses.set(module, [...(uses.get(module) ?? []), route.id]);
  }
  return uses;
}

function print(listed: readonly Listed[], io: Io): void {
  const width = Math.max(...listed.map(({ source }) => source.name.length));
  const own = listed.filter(({ source }) => source.kind === "file");
  const shipped = listed.filter(({ source }) => source.kind === "shipped");
  io.out(own.length > 0 ? "your plugins" : "no plugins of your own: `sluice plugin new NAME` writes one");
  for (const one of own) printOne(one, width, io);
  io.out("\nplugins that ship with Sluice");
  for (const one of shipped.sort((a, b) => a.source.name.localeCompare(b.source.name))) printOne(one, width, io);
}

function printOne({ source, answer, routes }: Listed, width: number, io: Io): void {
  const about = source.kind === "file" ? shownPath(source.file) : (SHIPPED_SUMMARIES[source.name] ?? "");
  io.out(`  ${source.name.padEnd(width)}  ${about}${routes === null ? "" : usedBy(routes)}`);
  const indent = " ".repeat(width + 4);
  if (!answer.ok) {
    for (const { file, line, column, message } of answer.problems)
      io.out(`${indent}cannot be loaded: ${shownPath(file)}${line > 0 ? `:${line}:${column}` : ""}: ${message}`);
    return;
  }
  const { schema, needs, provides } = answer.about;
  const facts = [configOf(schema), listOf("needs", needs), listOf("provides", provides)].filter((text) => text !== "");
  if (facts.length > 0) io.out(`${indent}${facts.join("; ")}`);
}

function usedBy(routes: readonly string[]): string {
  return routes.length === 0 ? "" : `  [${routes.length === 1 ? "route" : "routes"} ${routes.join(", ")}]`;
}

function listOf(word: string, names: readonly string[]): string {
  return names.length === 0 ? "" : `${word} ${names.join(", ")}`;
}

/** `with: { origins, maxAge? }`, those that must be given first. */
function configOf({ properties, required }: Readonly<Record<string, unknown>>): string {
  const fields = Object.entries((properties ?? {}) as Record<string, { default?: unknown }>);
  if (fields.length === 0) return "";
  const isNeeded = (name: string) => Array.isArray(required) && required.includes(name);
  const words = fields.map(([name, field]) => (isNeeded(name) && field.default === undefined ? name : `${name}?`));
  const shown = words.sort((a, b) => Number(a.endsWith("?")) - Number(b.endsWith("?")));
  const more = shown.length > MAX_FIELDS ? [`… ${shown.length - MAX_FIELDS} more`] : [];
  return `with: { ${[...shown.slice(0, MAX_FIELDS), ...more].join(", ")} }`;
}
