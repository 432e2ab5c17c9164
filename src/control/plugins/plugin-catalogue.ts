import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConfigureAnswer, ConfigureAsk, LoadAnswer } from "./dialogue.ts";
import type { PluginSource, ShippedLibrary } from "./plugin-folders.ts";
import { PluginStates } from "./plugin-states.ts";
import { Workshop, WorkshopProblem, type WorkshopOptions } from "./workshop.ts";

export interface CatalogueOptions extends WorkshopOptions {
  readonly shipped: ShippedLibrary;
}

interface Loaded {
  readonly answer: LoadAnswer;
  /** What each file held; null: it changed while it was read. */
  readonly contents: ReadonlyMap<string, string> | null;
}

const MAX_KEPT_BUNDLES = 100;
const MAX_KEPT_READINGS = 1000;

/**
 * Plugins as a configuration may use them: bundled, described, their configuration read. What has not changed is not looked at again, and a
 * configuration without plugins costs nothing.
 */
export class PluginCatalogue {
  readonly shipped: ShippedLibrary;
  readonly workshop: Workshop;
  readonly #states = new PluginStates();
  readonly #loaded = new Map<string, Loaded>();
  readonly #readings = new Map<string, ConfigureAnswer>();
  /** In the order of their last use. */
  readonly #bundles = new Set<string>();
  #retained: ReadonlySet<string> = new Set();
  #folder: string | null = null;
  readonly #onExit = () => this.close();

  constructor(options: CatalogueOptions) {
    this.shipped = options.shipped;
    this.workshop = new Workshop(options);
  }

  get states(): PluginStates["all"] {
    return this.#states.all;
  }

  async load(source: PluginSource): Promise<LoadAnswer> {
    const key = source.kind === "file" ? source.file : `shipped:${source.name}`;
    const before = this.#loaded.get(key);
    if (before !== undefined && before.contents !== null && isUnchanged(before.contents)) {
      this.#use(before.answer);
      return before.answer;
    }
    // A file that was saved at this very moment may have been read before it was.
    const startedAt = Date.now() - CLOCK_STEP_MS;
    const answer = await this.#loadNow(source);
    const isSettled = answer.ok && answer.files.every((file) => modifiedAt(file) < startedAt);
    this.#loaded.set(key, { answer, contents: isSettled ? contentsOf(answer.files) : null });
    this.#states.record(source, answer, Date.now());
    this.#use(answer);
    return answer;
  }

  /** @throws WorkshopProblem */
  async configure(ask: ConfigureAsk): Promise<ConfigureAnswer> {
    const key = JSON.stringify([ask.module, ask.with, ask.upstreams]);
    const known = this.#readings.get(key);
    if (known !== undefined) return known;
    const answer = await this.workshop.ask("configure", ask);
    if (this.#readings.size >= MAX_KEPT_READINGS) this.#readings.clear();
    this.#readings.set(key, answer);
    return answer;
  }

  /** What is served, and what a worker that starts will import: its bundles are kept, however many come after them. */
  retain(modules: readonly string[]): void {
    this.#retained = new Set(modules);
  }

  close(): void {
    this.workshop.close();
    process.off("exit", this.#onExit);
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true });
    this.#folder = null;
    this.#loaded.clear();
  }

  async #loadNow(source: PluginSource): Promise<LoadAnswer> {
    try {
      if (source.kind === "shipped") return await this.workshop.ask("load", { shipped: source.name });
      return await this.workshop.ask("load", { file: source.file, folder: this.#bundleFolder() });
    } catch (error) {
      if (!(error instanceof WorkshopProblem)) throw error;
      const file = source.kind === "file" ? source.file : `shipped:${source.name}`;
      return { ok: false, files: [file], problems: [{ file, line: 0, column: 0, message: error.message }] };
    }
  }

  /** Private: what is imported from there runs in the proxy. */
  #bundleFolder(): string {
    if (this.#folder === null) {
      this.#folder = mkdtempSync(join(tmpdir(), "sluice-plugins-"));
      process.on("exit", this.#onExit);
    }
    return this.#folder;
  }

  #use(answer: LoadAnswer): void {
    if (!answer.ok || answer.files.length === 0) return;
    this.#bundles.delete(answer.module);
    this.#bundles.add(answer.module);
    for (const module of this.#bundles) {
      if (this.#bundles.size <= MAX_KEPT_BUNDLES) return;
      if (this.#retained.has(module) || module === answer.module) continue;
      this.#bundles.delete(module);
      rmSync(module, { force: true });
    }
  }
}

/** File times are coarser than clocks. */
const CLOCK_STEP_MS = 15;

function contentsOf(files: readonly string[]): Map<string, string> {
  return new Map(files.map((file) => [file, contentOf(file)]));
}

function isUnchanged(contents: ReadonlyMap<string, string>): boolean {
  for (const [file, before] of contents) if (contentOf(file) !== before) return false;
  return true;
}

function contentOf(file: string): string {
  try {
    return new Bun.CryptoHasher("sha256").update(readFileSync(file)).digest("hex");
  } catch {
    return "";
  }
}

function modifiedAt(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
