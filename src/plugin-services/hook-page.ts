import { createPage, mapPage } from "../observability/page-file.ts";
import { HOOK_LABELS, HOOK_RUNS, type HookWatch } from "../proxy/pipeline/plugin-host.ts";

export const LABELS = HOOK_LABELS;
export const LABEL_BYTES = 120;
/** Where the text of number 1 begins. */
export const LABELS_AT = 2112;
export const HOOK_PAGE_BYTES = LABELS_AT + LABELS * LABEL_BYTES;

/**
 * Which hook runs now and which wait, in memory that somebody outside of this thread can read: numbers, and the texts that they
 * stand for. Texts are written before their number is handed out and never change.
 */
export class HookPage implements HookWatch {
  readonly cell: Int32Array;
  readonly #texts: Uint8Array;
  readonly #numbers = new Map<string, number>();

  /** @param memory HOOK_PAGE_BYTES of zeros, or a page that another thread or process writes. */
  constructor(memory: ArrayBufferLike, offset = 0) {
    this.cell = new Int32Array(memory, offset, 2 + LABELS);
    this.#texts = new Uint8Array(memory, offset + LABELS_AT, LABELS * LABEL_BYTES);
  }

  label(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.#numbers.size + 1;
    if (number > LABELS) return 0;
    this.#numbers.set(text, number);
    new TextEncoder().encodeInto(text, this.#slot(number));
    return number;
  }

  /** What the thread that writes this page runs now; null: no hook. */
  running(): string | null {
    const number = this.cell[0]!;
    return number < 1 || number > LABELS ? null : this.#text(number);
  }

  /** Hooks that have been called. */
  get runs(): number {
    return this.cell[HOOK_RUNS]!;
  }

  /** What waits for a promise; one of those may have the thread when no hook runs. */
  pending(): string[] {
    const found: string[] = [];
    for (let number = 1; number <= LABELS; number++) if (this.cell[number]! > 0) found.push(this.#text(number));
    return found;
  }

  #text(number: number): string {
    const slot = this.#slot(number);
    const end = slot.indexOf(0);
    // Copied: a decoder takes no shared memory.
    return new TextDecoder().decode(slot.slice(0, end === -1 ? LABEL_BYTES : end));
  }

  #slot(number: number): Uint8Array {
    return this.#texts.subarray((number - 1) * LABEL_BYTES, number * LABEL_BYTES);
  }
}

/** A page that another process can map by `path` until `unlink`. */
export interface NamedHookPage {
  readonly path: string;
  readonly runs: number;
  running(): string | null;
  pending(): string[];
  unlink(): void;
}

/** @throws when no folder takes it */
export function createHookPage(): NamedHookPage {
  const { path, numbers, unlink } = createPage(HOOK_PAGE_BYTES / Float64Array.BYTES_PER_ELEMENT);
  const page = new HookPage(numbers.buffer, numbers.byteOffset);
  return {
    path,
    get runs() {
      return page.runs;
    },
    running: () => page.running(),
    pending: () => page.pending(),
    unlink,
  };
}

/** The page that the supervisor created, as long as it has its name. */
export function mapHookPage(path: string): HookPage {
  const { buffer, byteOffset, byteLength } = mapPage(path);
  if (byteLength < HOOK_PAGE_BYTES) throw new Error(`${path} has ${byteLength} bytes, ${HOOK_PAGE_BYTES} are needed`);
  return new HookPage(buffer, byteOffset);
}
