import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { Glob } from "bun";

const SOURCES = join(import.meta.dir, "../..");
/** Of the contract and the test kit, and what they speak of. */
const CONTRACT = ["plugin.ts", "testing.ts", "contract/*.ts", "model/*.ts", "testing/*.ts"];
const DECLARATIONS = ["package.json", "LICENSE*", "license*", "**/*.d.ts", "**/*.d.mts"];

/**
 * What an editor needs to know "sluice" and "sluice/testing", by path: their sources, as they are, and the declarations they stand on.
 * @throws Error where a package is not installed
 */
export function typeFiles(): Record<string, string> {
  const files: Record<string, string> = {};
  for (const path of filesIn(SOURCES, CONTRACT)) {
    // Whoever checks a plugin checks it, not Sluice: what they import of the rest of Sluice is not there.
    files[`sluice/${path}`] = `// @ts-nocheck\n${readFileSync(join(SOURCES, path), "utf8")}`;
  }
  const bunTypes = packageFolder("bun-types", SOURCES);
  addPackage(files, "bun-types", bunTypes);
  addPackage(files, "undici-types", packageFolder("undici-types", bunTypes));
  addPackage(files, "@types/node", packageFolder("@types/node", bunTypes));
  addPackage(files, "@sinclair/typebox", packageFolder("@sinclair/typebox", SOURCES));
  return files;
}

function addPackage(files: Record<string, string>, name: string, folder: string): void {
  for (const path of filesIn(folder, DECLARATIONS)) {
    const isForRequire = name === "@sinclair/typebox" && path.startsWith("build/cjs/");
    if (!isForRequire) files[`node_modules/${name}/${path}`] = readFileSync(join(folder, path), "utf8");
  }
}

function filesIn(folder: string, patterns: readonly string[]): string[] {
  return patterns.flatMap((pattern) => [...new Glob(pattern).scanSync(folder)]).sort();
}

function packageFolder(name: string, from: string): string {
  for (let folder = realpathSync(from); ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return candidate;
    if (folder === dirname(folder))
      throw new Error(`the package ${name} is not installed beside Sluice: run bun install`);
  }
}
