import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import type { BunPlugin } from "bun";
import { CONTRACT_SOURCE } from "../../contract/running-contract.ts";
import type { SourceProblem } from "./dialogue.ts";

export type Bundle =
  | { ok: true; module: string; hash: string; files: string[] }
  | { ok: false; files: string[]; problems: SourceProblem[] };

/**
 * Makes one module of a plugin's file and its local imports, in `folder`, named by its content: what is imported once stays imported, so
 * a changed plugin needs another name. Packages stay outside and are loaded once a process.
 */
export async function bundlePlugin(file: string, folder: string): Promise<Bundle> {
  const resolver = new ImportResolver(file);
  const built = await Bun.build({
    entrypoints: [file],
    target: "bun",
    sourcemap: "inline",
    metafile: true,
    throw: false,
    plugins: [resolver.plugin],
  });
  const read = Object.keys(built.metafile?.inputs ?? {}).filter((input) => !input.startsWith("contract:"));
  const inputs = read.map((input) => resolve(input));
  const problems = [...resolver.problems, ...built.logs.filter(({ level }) => level === "error").map(problemOf(file))];
  const isBroken = problems.length > 0 || !built.success;
  // What was looked for and not found may appear.
  const files = [...new Set([file, ...inputs, ...(isBroken ? resolver.files : [])])];
  if (isBroken) return { ok: false, files, problems };
  if (built.outputs.length !== 1)
    return { ok: false, files, problems: [problemIn(file, "imports a file that cannot be part of a module")] };
  const text = withAbsoluteSources(await built.outputs[0]!.text());
  const hash = new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 16);
  const module = join(folder, `${basename(file, extname(file))}-${hash}.js`);
  if (!existsSync(module)) writeFileSync(module, text, { mode: 0o600 });
  return { ok: true, module, hash, files };
}

class ImportResolver {
  /** Local files that were asked for, there or not. */
  readonly files = new Set<string>();
  readonly problems: SourceProblem[] = [];
  readonly plugin: BunPlugin;

  constructor(entry: string) {
    this.plugin = {
      name: "sluice",
      setup: (build) => {
        build.onResolve({ filter: /^sluice$/ }, () => ({ path: "sluice", namespace: "contract" }));
        build.onLoad({ filter: /.*/, namespace: "contract" }, () => ({ contents: CONTRACT_SOURCE, loader: "js" }));
        build.onResolve({ filter: /^\.\.?\// }, ({ path, importer }) => {
          for (const ending of ["", ".ts", ".js", "/index.ts"])
            this.files.add(resolve(dirname(importer || entry), `${path}${ending}`));
          return undefined;
        });
        build.onResolve({ filter: /^[^./]/ }, ({ path, importer }) => this.#package(path, importer || entry));
      },
    };
  }

  /** From the plugin's folder, else from what Sluice itself stands on. */
  #package(specifier: string, importer: string) {
    const found =
      specifier === "sluice/testing"
        ? null
        : (resolveFrom(specifier, dirname(importer)) ?? resolveFrom(specifier, import.meta.dir));
    if (found === null) this.problems.push(missing(specifier, importer));
    return { path: found ?? specifier, external: true };
  }
}

function resolveFrom(specifier: string, folder: string): string | null {
  try {
    return Bun.resolveSync(specifier, folder);
  } catch {
    return null;
  }
}

function missing(specifier: string, importer: string): SourceProblem {
  const where = placeOf(specifier, importer);
  if (specifier === "sluice/testing")
    return { ...where, message: 'imports "sluice/testing", which is for tests: they end in .test.ts' };
  const words = specifier.split("/");
  const name = specifier.startsWith("@") ? words.slice(0, 2).join("/") : words[0]!;
  const message = `imports ${JSON.stringify(specifier)}, which is not installed: run "bun add ${name}" in ${dirname(importer)}`;
  return { ...where, message };
}

/** The bundler does not say where a hook's import stands. */
function placeOf(specifier: string, file: string): { file: string; line: number; column: number } {
  const lines = readFileSync(file, "utf8").split("\n");
  const quoted = [`"${specifier}"`, `'${specifier}'`];
  for (const [i, text] of lines.entries()) {
    const column = Math.max(...quoted.map((word) => text.indexOf(word)));
    if (column >= 0) return { file, line: i + 1, column: column + 1 };
  }
  return { file, line: 0, column: 0 };
}

function problemOf(entry: string) {
  return ({
    message,
    position,
  }: {
    message: string;
    position: { file: string; line: number; column: number } | null;
  }) =>
    position === null
      ? problemIn(entry, message)
      : { file: position.file || entry, line: position.line, column: position.column, message };
}

function problemIn(file: string, message: string): SourceProblem {
  return { file, line: 0, column: 0, message };
}

const MAP = /(\/\/# sourceMappingURL=data:application\/json;base64,)([A-Za-z0-9+/=]+)/;

/** Stacks then name the files people edit, wherever the bundle lies. */
function withAbsoluteSources(text: string): string {
  return text.replace(MAP, (_, head: string, data: string) => {
    const map = JSON.parse(Buffer.from(data, "base64").toString()) as { sources: string[] };
    map.sources = map.sources.map((source) => (source.startsWith("contract:") ? source : resolve(source)));
    return head + Buffer.from(JSON.stringify(map)).toString("base64");
  });
}
