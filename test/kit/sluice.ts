import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { freePort } from "./free-port.ts";
import { ProxyProcess } from "./proxy-process.ts";

export const ROOT = join(import.meta.dir, "../..");
const MAIN = join(ROOT, "src/main.ts");

/** A configuration as written in YAML, not as the product types it: tests go through the public door. */
export type Config = Readonly<Record<string, unknown>>;

/** `sluice WORDS`, run to its end or until the test stops it. */
export function sluiceCommand(words: readonly string[], options: { cwd?: string; env?: Record<string, string> } = {}) {
  return new ProxyProcess([process.execPath, MAIN, ...words], options);
}

/** A running `sluice start` with a configuration file of its own. */
export class Sluice {
  readonly process: ProxyProcess;
  readonly port: number;
  readonly file: string;
  readonly #directory: string;

  private constructor(process: ProxyProcess, port: number, file: string, directory: string) {
    this.process = process;
    this.port = port;
    this.file = file;
    this.#directory = directory;
  }

  /** Starts and waits until it says that it is ready. `listeners` without a list gets one on a free port. */
  static async start(config: Config | ((port: number) => Config), env: Record<string, string> = {}): Promise<Sluice> {
    const port = await freePort();
    const directory = mkdtempSync(join(tmpdir(), "sluice-test-"));
    const file = join(directory, "sluice.yaml");
    writeFileSync(file, toYaml(complete(config, port)));
    // What it leaves in the machine's temporary folder when it is killed goes with the rest.
    const process = sluiceCommand(["start", "--config", file], { cwd: directory, env: { TMPDIR: directory, ...env } });
    const sluice = new Sluice(process, port, file, directory);
    try {
      await process.says("sluice is ready");
    } catch (error) {
      await sluice.stop();
      throw error;
    }
    return sluice;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.process.pid;
  }

  /** Saves in place, as `echo > file` does. */
  rewrite(config: Config | string): void {
    writeFileSync(this.file, typeof config === "string" ? config : toYaml(complete(config, this.port)));
  }

  /** Saves as most editors do: a new file takes the name. */
  rewriteByRename(config: Config | string): void {
    const text = typeof config === "string" ? config : toYaml(complete(config, this.port));
    const fresh = join(this.#directory, ".sluice.yaml.swp");
    writeFileSync(fresh, text);
    renameSync(fresh, this.file);
  }

  signal(name: NodeJS.Signals): void {
    this.process.signal(name);
  }

  /** How often the log says `text`. */
  timesLogged(text: string): number {
    return this.process.stdout.split(text).length - 1;
  }

  /** Kills it, whatever state it is in, and removes its files. */
  async stop(): Promise<void> {
    await this.process.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

export function toYaml(config: Config): string {
  return stringify(config);
}

function complete(config: Config | ((port: number) => Config), port: number): Config {
  const given = typeof config === "function" ? config(port) : config;
  return "listeners" in given ? given : { listeners: [{ name: "web", host: "127.0.0.1", port }], ...given };
}
