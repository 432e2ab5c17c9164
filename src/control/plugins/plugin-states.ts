import type { LoadAnswer } from "./dialogue.ts";
import type { PluginSource } from "./plugin-folders.ts";

/** What is known of a plugin, for people. */
export interface PluginState {
  /** As configurations call it. */
  readonly name: string;
  /** null: it ships with the program. */
  readonly file: string | null;
  /** Of what was loaded last; null: nothing could be loaded yet. */
  readonly hash: string | null;
  /** Milliseconds since 1970. */
  readonly loadedAt: number | null;
  /** What is wrong with its file as it is now; what was loaded before it goes on. */
  readonly error: string | null;
}

/** The last word on each plugin that a configuration has asked for. */
export class PluginStates {
  readonly #states = new Map<string, PluginState>();

  get all(): PluginState[] {
    return [...this.#states.values()].sort((a, b) => a.name.localeCompare(b.name));
  }

  record(source: PluginSource, answer: LoadAnswer, now: number): void {
    const { name } = source;
    const before = this.#states.get(name);
    const { hash = null, loadedAt = null } = before ?? {};
    const file = source.kind === "file" ? source.file : null;
    if (!answer.ok) {
      const error = answer.problems.map((problem) => `${problem.line}:${problem.column} ${problem.message}`).join("\n");
      this.#states.set(name, { name, file, hash, loadedAt, error });
    } else if (before?.hash !== answer.hash || before.error !== null || before.file !== file) {
      this.#states.set(name, { name, file, hash: answer.hash, loadedAt: now, error: null });
    }
  }
}
