import { createHash } from "node:crypto";
import { readdirSync, readFileSync, realpathSync, watch, type FSWatcher } from "node:fs";
import { dirname, resolve } from "node:path";
import { isFolder } from "../plugins/plugin-folders.ts";

export interface WatchOptions {
  /** How long it must be quiet before a change is told: editors write in several steps. */
  readonly debounceMs?: number;
  /** How often contents are compared even if nothing was heard: network file systems tell nothing. */
  readonly pollMs?: number;
}

export interface ConfigWatch {
  /** Replaces what is watched: a reload may depend on other files. */
  update(files: readonly string[]): void;
  close(): void;
}

/**
 * Calls `onChange` when the content of one of `files` has changed; a touch, or a save of the same text, is no change. Folders are
 * watched, not files: editors replace a file by renaming another over it, and a Kubernetes ConfigMap swaps a symbolic link above
 * it; a watch on the file would go on looking at the old one. A file that is gone for a moment is waited for. Of a folder in
 * `files`, the names in it are its content.
 */
export function watchConfig(files: readonly string[], onChange: () => void, options: WatchOptions = {}): ConfigWatch {
  return new FolderWatch(files, onChange, options);
}

class FolderWatch implements ConfigWatch {
  readonly #onChange: () => void;
  readonly #debounceMs: number;
  readonly #poll: Timer;
  readonly #folders = new Map<string, FSWatcher>();
  readonly #known = new Map<string, string>();
  /** Misses in a row: a file that is being replaced is back at the next look. */
  readonly #missing = new Map<string, number>();
  #pending: Timer | null = null;

  constructor(files: readonly string[], onChange: () => void, { debounceMs = 40, pollMs = 1000 }: WatchOptions) {
    this.#onChange = onChange;
    this.#debounceMs = debounceMs;
    this.update(files);
    this.#poll = setInterval(() => this.#look(), pollMs);
    this.#poll.unref();
  }

  update(files: readonly string[]): void {
    const wanted = new Set(files.map((file) => resolve(file)));
    for (const file of this.#known.keys()) if (!wanted.has(file)) this.#known.delete(file);
    for (const file of wanted) if (!this.#known.has(file)) this.#known.set(file, fingerprint(file));
    this.#watchFolders();
  }

  close(): void {
    clearInterval(this.#poll);
    if (this.#pending !== null) clearTimeout(this.#pending);
    for (const watcher of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }

  /** Where the names stand, and where their links lead. */
  #watchFolders(): void {
    const wanted = new Set<string>();
    for (const file of this.#known.keys()) {
      wanted.add(dirname(file));
      if (isFolder(file)) wanted.add(file);
      const real = realPathOf(file);
      if (real !== null) wanted.add(dirname(real));
    }
    for (const [folder, watcher] of this.#folders) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.#folders.delete(folder);
    }
    for (const folder of wanted) if (!this.#folders.has(folder)) this.#open(folder);
  }

  #open(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#soon());
      // A folder that goes away is opened again when it is back; until then there is the poll.
      watcher.on("error", () => this.#forget(folder));
      this.#folders.set(folder, watcher);
    } catch {
      // Not there, or no watches left: there is the poll.
    }
  }

  #forget(folder: string): void {
    this.#folders.get(folder)?.close();
    this.#folders.delete(folder);
  }

  #soon(): void {
    if (this.#pending !== null) clearTimeout(this.#pending);
    this.#pending = setTimeout(() => {
      this.#pending = null;
      this.#look();
    }, this.#debounceMs);
    this.#pending.unref();
  }

  #look(): void {
    // The poll must not overtake the quiet time after an event.
    if (this.#pending !== null) return;
    let isChanged = false;
    for (const [file, before] of this.#known) {
      const now = fingerprint(file);
      if (now === before || this.#isMomentarilyGone(file, now)) continue;
      this.#known.set(file, now);
      isChanged = true;
    }
    this.#watchFolders();
    if (isChanged) this.#onChange();
  }

  #isMomentarilyGone(file: string, now: string): boolean {
    if (now !== GONE) {
      this.#missing.delete(file);
      return false;
    }
    const misses = (this.#missing.get(file) ?? 0) + 1;
    this.#missing.set(file, misses);
    if (misses === 1) this.#soon();
    return misses < MISSES_TO_BELIEVE;
  }
}

const GONE = "gone";
const MISSES_TO_BELIEVE = 3;

function fingerprint(file: string): string {
  try {
    if (isFolder(file)) return readdirSync(file).sort().join("/");
    return createHash("sha256").update(readFileSync(file)).digest("hex");
  } catch {
    return GONE;
  }
}

function realPathOf(file: string): string | null {
  try {
    return realpathSync(file);
  } catch {
    return null;
  }
}
