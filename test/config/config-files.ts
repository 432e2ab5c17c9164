import { mkdtempSync, mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { formatDiagnostic } from "../../src/control/config/diagnostics.ts";
import { loadConfig, type ConfigAccepted, type LoadOptions } from "../../src/control/config/load-config.ts";

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
export function accepted(yaml: string, options: LoadOptions = {}): ConfigAccepted {
  const loaded = loadConfig(configFile(yaml), { env: {}, ...options });
  if (!loaded.ok) throw new Error(`refused:\n${loaded.errors.map(formatDiagnostic).join("\n")}`);
  return loaded;
}

/** What is wrong with `yaml`, a line each, without the file's name. */
export function errorsOf(yaml: string | Uint8Array, options: LoadOptions = {}): string[] {
  const file = configFile(yaml);
  const loaded = loadConfig(file, { env: {}, ...options });
  if (loaded.ok) return [];
  return loaded.errors.map((error) => formatDiagnostic(error).replace(`${file}:`, "").replace(file, "FILE"));
}

export function warningsOf(yaml: string, options: LoadOptions = {}): string[] {
  return accepted(yaml, options).warnings.map(({ path, message }) => `${path} ${message}`);
}

/** A configuration with one upstream `a`, and what `rest` adds. */
export function withUpstream(rest: string): string {
  return `upstreams: [{ name: a, url: "http://127.0.0.1:9001" }]\n${rest}`;
}
