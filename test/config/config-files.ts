import { mkdtempSync, mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { formatDiagnostic } from "../../src/control/config/diagnostics.ts";
import { loadConfig, type ConfigAccepted, type LoadOptions } from "../../src/control/config/load-config.ts";
import { openCatalogue } from "../../src/plugin-workshop.ts";

/** One for all tests: what is known of a plugin that ships need not be found out again. */
export const plugins = openCatalogue();

export function tempFolder(): string {
  return mkdtempSync(join(tmpdir(), "sluice-config-"));
}

export function writeIn(folder: string, name: string, content: string | Uint8Array): string {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

export function configFile(yaml: string | Uint8Array): string {
  return writeIn(tempFolder(), "sluice.yaml", yaml);
}

/** Loads `yaml`, which must be accepted. */
export async function accepted(yaml: string, options: LoadOptions = {}): Promise<ConfigAccepted> {
  const loaded = await loadConfig(configFile(yaml), { env: {}, plugins, ...options });
  if (!loaded.ok) throw new Error(`refused:\n${loaded.errors.map(formatDiagnostic).join("\n")}`);
  return loaded;
}

/** What is wrong with `yaml`, a line each, without the file's name. */
export async function errorsOf(yaml: string | Uint8Array, options: LoadOptions = {}): Promise<string[]> {
  const file = configFile(yaml);
  const loaded = await loadConfig(file, { env: {}, plugins, ...options });
  if (loaded.ok) return [];
  return loaded.errors.map((error) => formatDiagnostic(error).replace(`${file}:`, "").replace(file, "FILE"));
}

export async function warningsOf(yaml: string, options: LoadOptions = {}): Promise<string[]> {
  return (await accepted(yaml, options)).warnings.map(({ path, message }) => `${path} ${message}`);
}

/** A configuration with one upstream `a`, and what `rest` adds. */
export function withUpstream(rest: string): string {
  return `upstreams: [{ name: a, url: "http://127.0.0.1:9001" }]\n${rest}`;
}
