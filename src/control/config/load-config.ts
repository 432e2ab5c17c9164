import { dirname, resolve } from "node:path";
import type { SnapshotSpec } from "../../model/snapshot-spec.ts";
import { PluginCatalogue } from "../plugins/plugin-catalogue.ts";
import { applyOverrides } from "./apply-overrides.ts";
import { BuildContext } from "./build-context.ts";
import { buildManagement, type ManagementSettings } from "./build-admin.ts";
import { buildPlugins } from "./build-plugins.ts";
import { buildSpec } from "./build-spec.ts";
import type { DnsStates } from "../discovery/dns/dns-endpoints.ts";
import type { DnsSpec } from "../discovery/dns/dns-spec.ts";
import type { PartialConfig } from "../discovery/provider.ts";
import { appendParts, type ConfigPart } from "./config-parts.ts";
import { type DiscoveredParts, discoveredParts } from "./discovered-parts.ts";
import type { ConfigNode, MapNode } from "./config-node.ts";
import { describeNode } from "./config-node.ts";
import { AUTO_EDGE, DEFAULTS } from "./defaults.ts";
import { DiagnosticBag, type ConfigPath, type Diagnostic, type Position } from "./diagnostics.ts";
import { FileAccess, FileProblem, type ReadFile } from "./file-access.ts";
import { checkSlots, giveSlots } from "./give-slots.ts";
import { parseYaml, type YamlMemory } from "./parse-yaml.ts";
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
  /** Keep one across loads: a file that has not changed is not parsed again. */
  readonly yaml?: YamlMemory;
  readonly autoEdge?: "serve" | "wire";
  readonly version?: number;
  /** Keep one across loads: it remembers what has not changed. Without one, a configuration that names plugins is refused. */
  readonly plugins?: PluginCatalogue;
  /** What a hook that fails says is shown to clients. */
  readonly showPluginErrors?: boolean;
  /** Kept by the admin API: as if it stood in the file behind what that says. */
  readonly stored?: readonly ConfigPart[];
  /** Where our own admin listener really is, where the configuration leaves its port open. */
  readonly ours?: ReadonlyArray<{ host: string; port: number }>;
  /** What names under `dns:` lead to. */
  readonly resolved?: DnsStates;
  /** What each provider has found: of this, what cannot be used is left out and told. */
  readonly discovered?: ReadonlyMap<string, PartialConfig>;
}

/** A discovered service that is not served, and why. */
export interface LeftOut {
  /** `docker: container shop` */
  readonly from: string;
  readonly reasons: readonly string[];
}

/** How the application logs: not the data plane's concern, so not in the specification. */
export interface LoggingConfig {
  readonly level: NonNullable<NonNullable<Config["logging"]>["level"]>;
  readonly format: NonNullable<NonNullable<Config["logging"]>["format"]>;
}

export type LoadedConfig = ConfigAccepted | ConfigRefused;

/** What does not depend on whether the rest is right: where more of the configuration comes from, and how to tell of it. */
export interface ConfigFrame {
  readonly logging: LoggingConfig;
  readonly management: ManagementSettings;
  /** Names that are to be followed. */
  readonly dns: readonly DnsSpec[];
  readonly redisUrl: string | null;
  /** The first, which people use. */
  readonly listener: { readonly port: number; readonly hasTls: boolean } | null;
}

export interface ConfigAccepted {
  readonly ok: true;
  readonly frame: ConfigFrame;
  readonly spec: SnapshotSpec;
  /** As written, after substitution and overrides: durations in ms, sizes in bytes. May hold secrets: see `maskSecrets`. */
  readonly config: Config;
  readonly logging: LoggingConfig;
  /** Where `config` holds what plugins call secret. */
  readonly secrets: ConfigPath[];
  readonly warnings: Diagnostic[];
  readonly leftOut: readonly LeftOut[];
  /** Everything it was made from, absolute: the file itself, PEM files, `${FILE:…}`, plugins and the folders they may appear in. */
  readonly files: string[];
}

export interface ConfigRefused {
  readonly ok: false;
  /** null: nothing could be read. */
  readonly frame: ConfigFrame | null;
  readonly errors: Diagnostic[];
  readonly warnings: Diagnostic[];
  readonly files: string[];
}

/**
 * Reads, checks and completes a configuration. The operator's own is all or nothing: every mistake is told at once, in the order of
 * the file. What providers have found degrades service by service. Never rejects for what a file may hold.
 */
export async function loadConfig(file: string, options: LoadOptions = {}): Promise<LoadedConfig> {
  let found = discoveredParts(options.discovered ?? new Map());
  const leftOut: LeftOut[] = [];
  for (;;) {
    const loaded = await loadWith(file, options, found);
    const errors = loaded.ok ? [] : loaded.errors;
    const wrong = new Map(found.map(({ from }) => [from, errors.filter((error) => error.file === from)]));
    const isWrong = ({ from }: DiscoveredParts) => wrong.get(from)!.length > 0;
    // A mistake of the operator's is told first: it may be the cause of the others.
    if (!found.some(isWrong) || errors.some((error) => !wrong.has(error.file)))
      return loaded.ok
        ? { ...loaded, leftOut }
        : { ...loaded, errors: errors.filter((error) => !wrong.has(error.file)) };
    for (const { from } of found.filter(isWrong)) leftOut.push({ from, reasons: wrong.get(from)!.map(reasonOf) });
    found = found.filter((service) => !isWrong(service));
  }
}

/** Which one of all routes it is changes with what else is found, and tells nobody anything. */
function reasonOf({ path, message }: Diagnostic): string {
  return `${path.replace(/^(route|upstream)s\.\d+/, "$1")} ${message}`;
}

async function loadWith(
  file: string,
  options: LoadOptions,
  found: readonly DiscoveredParts[],
): Promise<Omit<ConfigAccepted, "leftOut"> | ConfigRefused> {
  const bag = new DiagnosticBag();
  const files = new FileAccess(dirname(resolve(file)), options.readFile);
  const root = readTree(file, files, bag, options);
  // Without a tree there is nothing more to say; with one, everything is checked even if a part could not be read.
  if (root === null) return refused(bag, files.files);
  appendParts(root, [...(options.stored ?? []), ...found.flatMap(({ parts }) => parts)]);
  const config = new SchemaReader(bag).read(ConfigSchema, root, []) as Config;
  const { autoEdge = AUTO_EDGE, resolved = new Map() } = options;
  const context = new BuildContext({ config, root, bag, files, autoEdge, resolved });
  const management = buildManagement(context, options.env ?? process.env);
  const plugins = await buildPlugins(context, options.plugins ?? new PluginCatalogue(NO_PLUGINS));
  const unslotted = buildSpec(context, plugins);
  checkSlots(unslotted, context);
  const sources = [...files.files, ...plugins.files];
  const { level = DEFAULTS.logging.level, format = DEFAULTS.logging.format } = config.logging ?? {};
  const [listener] = unslotted.listeners;
  const frame: ConfigFrame = {
    logging: { level, format },
    management,
    dns: [...context.dns.values()],
    redisUrl: unslotted.redisUrl,
    listener: listener === undefined ? null : { port: listener.port, hasTls: listener.tls.length > 0 },
  };
  if (bag.hasErrors) return { ...refused(bag, sources), frame };
  const spec: SnapshotSpec = {
    version: options.version ?? 1,
    ...giveSlots(unslotted, options.slots ?? new SlotTable()),
    neverDial: [...unslotted.neverDial, ...(options.ours ?? [])],
    plugins: { ...unslotted.plugins, showErrors: options.showPluginErrors ?? false },
  };
  const { secrets } = plugins;
  return {
    ok: true,
    spec,
    config,
    frame,
    logging: frame.logging,
    secrets,
    warnings: bag.warnings,
    files: sources,
  };
}

/** Nothing ships, and nothing can be loaded. */
const NO_PLUGINS = { command: ["false"], shipped: { names: [], folder: "" } };

function refused(bag: DiagnosticBag, files: string[]): ConfigRefused {
  return { ok: false, frame: null, errors: bag.errors, warnings: bag.warnings, files };
}

function readTree(file: string, files: FileAccess, bag: DiagnosticBag, options: LoadOptions): MapNode | null {
  const whole: Position = { file, line: 0, column: 0 };
  const text = readText(file, files, bag, whole);
  if (text === null) return null;
  const env = options.env ?? process.env;
  const root = parseYaml(file, options.yaml?.read(text) ?? text, bag, (scalar, at, path) => {
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
