import { dirname, join, normalize } from "node:path";
import { codeOf, importsOf } from "./source-text.ts";

/** Files by their path from the repository's root. */
export type Sources = ReadonlyMap<string, string>;

export type Layer = "model" | "proxy" | "control" | "observability" | "cli" | "root" | "contract" | "plugins";

/** design.md §3: `main, worker → control → proxy → model ← observability ← main`. */
const MAY_IMPORT: Readonly<Record<Layer, readonly Layer[]>> = {
  model: ["model"],
  proxy: ["proxy", "model", "contract"],
  control: ["control", "proxy", "model", "contract"],
  observability: ["observability", "model"],
  // The public contract hands the vocabulary on to plugins.
  contract: ["model", "contract"],
  plugins: ["contract", "plugins"],
  cli: ["cli", "root", "control", "proxy", "model", "observability", "contract"],
  root: ["cli", "root", "control", "proxy", "model", "observability", "contract", "plugins"],
};

/** Only these may know the web standard's Request, Response and fetch inside `proxy/`: the edge and transport made of them. */
const WEB_FILES =
  /^src\/proxy\/(listener\/(serve-[\w-]+|reply-stream)|upstream\/transport\/fetch-[\w-]+|web-[\w-]+|pipeline\/[\w-]+)\.ts$/;
const WEB_WORDS = /(?<![\w.$])(?:Request|Response)(?![\w$])|(?<![\w.$]|get )fetch\((?!\w+: )/;

/** Where a well-kept library does the job of a shipped plugin. */
const PLUGIN_PACKAGES: ReadonlySet<string> = new Set(["jose", "ajv", "ajv-formats", "ajv/dist/2020.js", "yaml"]);

const MAX_LINES = 250;

export function layerOf(file: string): Layer {
  const [top, folder = ""] = file.split("/");
  if (top === "plugins") return "plugins";
  if (file === "src/plugin.ts" || folder === "contract") return "contract";
  return ["model", "proxy", "control", "observability", "cli"].includes(folder) ? (folder as Layer) : "root";
}

/** Every breach, in words that say what to change; empty when all is well. */
export function breaches(sources: Sources): string[] {
  const found: string[] = [];
  for (const [file, source] of sources) {
    for (const specifier of importsOf(source)) {
      const breach = importBreach(file, specifier);
      if (breach !== null) found.push(breach);
    }
    found.push(...fileBreaches(file, source));
  }
  return found;
}

function importBreach(file: string, specifier: string): string | null {
  const layer = layerOf(file);
  if (!specifier.startsWith(".")) return packageBreach(file, layer, specifier);
  const target = normalize(join(dirname(file), specifier));
  // JSON and text beside the code is data.
  if (!/\.tsx?$/.test(target)) return null;
  const imported = target.startsWith("src/") || target.startsWith("plugins/") ? layerOf(target) : null;
  if (imported === null) return `${file} imports ${target}, which is not the product`;
  if (layer === "plugins" && imported === "contract") return `${file} must import the contract as "sluice"`;
  return MAY_IMPORT[layer].includes(imported) ? null : `${file} (${layer}) must not import ${target} (${imported})`;
}

function packageBreach(file: string, layer: Layer, specifier: string): string | null {
  const own = specifier === "bun" || specifier.startsWith("node:") || specifier.startsWith("bun:");
  if (layer === "model") return `${file} (model) must not import ${specifier}: the vocabulary imports nothing`;
  if (layer === "proxy" && !own) return `${file} (proxy) must not import the package ${specifier}`;
  if (layer === "plugins" && !own && specifier !== "sluice" && !PLUGIN_PACKAGES.has(specifier))
    return `${file} must import nothing but "sluice" and ${[...PLUGIN_PACKAGES].join(", ")}, not ${specifier}`;
  return null;
}

function fileBreaches(file: string, source: string): string[] {
  const found: string[] = [];
  const lines = source.split("\n").length - 1;
  if (lines > MAX_LINES) found.push(`${file} has ${lines} lines; the budget is ${MAX_LINES}`);
  if (/(^|\/)(utils?|helpers?|misc|common)(\.ts|\/)/.test(file))
    found.push(`${file}: no drawers; name it after what it does`);
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)*\.ts$/.test(file.split("/").at(-1)!))
    found.push(`${file}: file names are kebab-case`);
  const word = file.startsWith("src/proxy/") && !WEB_FILES.test(file) ? WEB_WORDS.exec(codeOf(source)) : null;
  if (word !== null) found.push(`${file} must not know ${word[0]}: that is for the serve edge and the fetch transport`);
  return found;
}
