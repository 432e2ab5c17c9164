import { readdirSync, readFileSync, realpathSync, statSync, type Dirent } from "node:fs";
import { join } from "node:path";

/** Where a plugin comes from. */
export type PluginSource =
  | { readonly kind: "file"; readonly name: string; readonly file: string }
  | { readonly kind: "shipped"; readonly name: string };

/** What ships with the program: names, and the folder where a checkout has them as files. */
export interface ShippedLibrary {
  readonly names: readonly string[];
  readonly folder: string;
}

/** What there is by name: the files of the user's folders (the first that has a name wins), then what ships. */
export class PluginSources {
  readonly #found = new Map<string, PluginSource>();

  constructor(folders: readonly string[], shipped: ShippedLibrary) {
    for (const folder of folders) {
      const isLibrary = isSameFolder(folder, shipped.folder);
      for (const [name, file] of pluginFiles(folder)) {
        if (this.#found.has(name) || (isLibrary && shipped.names.includes(name))) continue;
        this.#found.set(name, { kind: "file", name, file });
      }
    }
    for (const name of shipped.names) if (!this.#found.has(name)) this.#found.set(name, { kind: "shipped", name });
  }

  get(name: string): PluginSource | undefined {
    return this.#found.get(name);
  }

  get names(): string[] {
    return [...this.#found.keys()];
  }

  get all(): PluginSource[] {
    return [...this.#found.values()];
  }
}

/** By name; `NAME.ts` before `NAME.js` before a folder `NAME`. Tests, declarations and everything else are no plugins. */
function pluginFiles(folder: string): Map<string, string> {
  const files = new Map<string, string>();
  const entries = readFolder(folder).sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    const name = /^([A-Za-z0-9_-][A-Za-z0-9._-]*?)\.(ts|js)$/.exec(entry.name)?.[1];
    if (name !== undefined && isFile(path)) {
      if (!/\.(test|d)$/.test(name) && !files.has(name)) files.set(name, path);
    } else if (isFolder(path) && /^[A-Za-z0-9_-]/.test(entry.name) && entry.name !== "node_modules") {
      const main = mainOf(path);
      if (main !== null && !files.has(entry.name)) files.set(entry.name, main);
    }
  }
  return files;
}

function rank({ name }: Dirent): number {
  return name.endsWith(".ts") ? 0 : name.endsWith(".js") ? 1 : 2;
}

function readFolder(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** What `package.json` calls the package's entry, else `index.ts`. */
function mainOf(folder: string): string | null {
  const candidates = [...namedEntries(join(folder, "package.json")), "index.ts", "index.js"];
  return candidates.map((entry) => join(folder, entry)).find(isFile) ?? null;
}

function namedEntries(file: string): string[] {
  try {
    const { exports, module, main } = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    return [entryOf(exports), module, main].filter((entry): entry is string => typeof entry === "string");
  } catch {
    return [];
  }
}

function entryOf(exports: unknown): unknown {
  if (typeof exports !== "object" || exports === null) return exports;
  const conditions = exports as Record<string, unknown>;
  const entry = conditions["."] ?? conditions.bun ?? conditions.import ?? conditions.default;
  return typeof entry === "object" ? entryOf(entry) : entry;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function isSameFolder(a: string, b: string): boolean {
  try {
    return realpathSync(a) === realpathSync(b);
  } catch {
    return false;
  }
}
