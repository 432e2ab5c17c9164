import { dirname, resolve } from "node:path";
import type { SnapshotSpec } from "../../model/snapshot-spec.ts";
import { PluginCatalogue } from "../plugins/plugin-catalogue.ts";
import { applyOverrides } from "./apply-overrides.ts";
import { BuildContext } from "./build-context.ts";
import { buildPlugins } from "./build-plugins.ts";
import { buildSpec } from "./build-spec.ts";
import type { ConfigNode, MapNode } from "./config-node.ts";
import { describeNode } from "./config-node.ts";
import { AUTO_EDGE, DEFAULTS } from "./defaults.ts";
import { DiagnosticBag, type ConfigPath, type Diagnostic, type Position } from "./diagnostics.ts";
import { FileAccess, FileProblem, type ReadFile } from "./file-access.ts";
import { checkSlots, giveSlots } from "./give-slots.ts";
import { parseYaml } from "./parse-yaml.ts";
import { ConfigSchema, type Config } from "./schema.ts";
import { SchemaReader } from "./schema-reader.ts";
import { SlotTable } from "./slot-table.ts";
import { substitute, type Environment } from "./substitute.ts";

export interface LoadOptions {
  readonly env?: Environment;
  /** `path.to.field=value`, applied in order over what the file says. */
  readonly sets?: readonly string[];
  /** Keep one across loads, and a route keeps its counters. */
  readonly slots?: SlotTable;
  readonly readFile?: ReadFile;
  readonly autoEdge?: "serve" | "wire";
  readonly version?: number;
  /** Keep one across loads: it remembers what has not changed. Without one, a configuration that names plugins is refused. */
  readonly plugins?: PluginCatalogue;
  /** What a hook that fails says is shown to clients. */
  readonly showPluginErrors?: boolean;
}

/** How the application logs: not the data plane's concern, so not in the specification. */
export interface LoggingConfig {
  readonly level: NonNullable<NonNullable<Config["logging"]>["level"]>;
  readonly format: NonNullable<NonNullable<Config["logging"]>["format"]>;
}

export type LoadedConfig = ConfigAccepted | ConfigRefused;

export interface ConfigAccepted {
  readonly ok: true;
  readonly spec: SnapshotSpec;
  /** As written, after substitution and overrides: durations in ms, sizes in bytes. May hold secrets: see `maskSecrets`. */
  readonly config: Config;
  readonly logging: LoggingConfig;
  /** Where `config` holds what plugins call secret. */
  readonly secrets: ConfigPath[];
  readonly warnings: Diagnostic[];
  /** Everything it was made from, absolute: the file itself, PEM files, `${FILE:…}`, plugins and the folders they may appear in. */
  readonly files: string[];
}

export interface ConfigRefused {
  readonly ok: false;
  readonly errors: Diagnostic[];
  readonly warnings: Diagnostic[];
  readonly files: string[];
}

/**
 * Reads, checks and completes a configuration: all or nothing. Never rejects for what a file may hold; every mistake is told at
 * once, in the order of the file.
 */
export async function loadConfig(file: string, options: LoadOptions = {}): Promise<LoadedConfig> {
  const bag = new DiagnosticBag();
  const files = new FileAccess(dirname(resolve(file)), options.readFile);
  const root = readTree(file, files, bag, options);
  // Without a tree there is nothing more to say; with one, everything is checked even if a part could not be read.
  if (root === null) return refused(bag, files.files);
  const config = new SchemaReader(bag).read(ConfigSchema, root, []) as Config;
  const context = new BuildContext({ config, root, bag, files, autoEdge: options.autoEdge ?? AUTO_EDGE });
  const plugins = await buildPlugins(context, options.plugins ?? new PluginCatalogue(NO_PLUGINS));
  const unslotted = buildSpec(context, plugins);
  checkSlots(unslotted, context);
  const sources = [...files.files, ...plugins.files];
  if (bag.hasErrors) return refused(bag, sources);
  const spec: SnapshotSpec = {
    version: options.version ?? 1,
    ...giveSlots(unslotted, options.slots ?? new SlotTable()),
    plugins: { ...unslotted.plugins, showErrors: options.showPluginErrors ?? false },
  };
  const { level = DEFAULTS.logging.level, format = DEFAULTS.logging.format } = config.logging ?? {};
  const { secrets } = plugins;
  return { ok: true, spec, config, logging: { level, format }, secrets, warnings: bag.warnings, files: sources };
}

/** Nothing ships, and nothing can be loaded. */
const NO_PLUGINS = { command: ["false"], shipped: { names: [], folder: "" } };

function refused(bag: DiagnosticBag, files: string[]): ConfigRefused {
  return { ok: false, errors: bag.errors, warnings: bag.warnings, files };
}

function readTree(file: string, files: FileAccess, bag: DiagnosticBag, options: LoadOptions): MapNode | null {
  const whole: Position = { file, line: 0, column: 0 };
  const text = readText(file, files, bag, whole);
  if (text === null) return null;
  const env = options.env ?? process.env;
  const root = parseYaml(file, text, bag, (scalar, at, path) => {
    const result = substitute(scalar, env, files);
    if (result.ok) return result;
    bag.error(at, path, result.problem, result.hint);
    return null;
  });
  if (!isMap(root)) {
    if (!bag.hasErrors) sayNotAMap(root, whole, bag);
    return null;
  }
  applyOverrides(root, options.sets ?? [], bag);
  return root;
}

function readText(file: string, files: FileAccess, bag: DiagnosticBag, whole: Position): string | null {
  try {
    // As given, so that the message names it as the user did; resolved against the working directory, not the file's folder.
    return files.text(resolve(file));
  } catch (error) {
    if (!(error instanceof FileProblem)) throw error;
    bag.error(whole, [], error.message.replace(resolve(file), file));
    return null;
  }
}

function isMap(node: ConfigNode | null): node is MapNode {
  return node?.kind === "map";
}

function sayNotAMap(root: ConfigNode | null, whole: Position, bag: DiagnosticBag): void {
  if (root === null || describeNode(root) === "nothing")
    bag.error(whole, [], "the file is empty", "`sluice init` writes one to start from");
  else bag.error(root.at, [], `expected a map of sections such as upstreams: and routes:, got ${describeNode(root)}`);
}
