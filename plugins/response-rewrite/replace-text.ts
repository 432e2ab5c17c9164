import type { ChunkTransform } from "sluice";

/** A plain text that is looked for in bytes as they pass. */
export interface PlainRule {
  readonly find: Uint8Array;
  readonly by: Uint8Array;
}

/** Replaces as the bytes pass; only the beginning of a text that may go on in the next chunk is kept back. */
export function replacePlain(rules: readonly PlainRule[]): ChunkTransform {
  const stages = rules.map((rule) => new PlainStage(rule));
  return {
    chunk(bytes, push) {
      let out: Uint8Array[] = [bytes];
      for (const stage of stages) out = out.flatMap((part) => stage.feed(part));
      for (const part of out) push(part);
    },
    end(push) {
      let out: Uint8Array[] = [];
      for (const stage of stages) out = [...out.flatMap((part) => stage.feed(part)), ...stage.end()];
      for (const part of out) push(part);
    },
  };
}

class PlainStage {
  readonly #rule: PlainRule;
  #kept: Buffer = Buffer.alloc(0);

  constructor(rule: PlainRule) {
    this.#rule = rule;
  }

  feed(bytes: Uint8Array): Uint8Array[] {
    const { find, by } = this.#rule;
    const all = this.#kept.length === 0 ? view(bytes) : Buffer.concat([this.#kept, bytes]);
    const out: Uint8Array[] = [];
    let from = 0;
    for (let at = all.indexOf(find); at >= 0; at = all.indexOf(find, from)) {
      out.push(all.subarray(from, at), by);
      from = at + find.byteLength;
    }
    const end = all.length - overlap(all.subarray(from), find);
    out.push(all.subarray(from, end));
    this.#kept = all.subarray(end);
    const parts = out.filter((part) => part.byteLength > 0);
    return parts.length > 1 ? [Buffer.concat(parts)] : parts;
  }

  end(): Uint8Array[] {
    return this.#kept.length === 0 ? [] : [this.#kept];
  }
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** How many of the last bytes of `text` could be the beginning of `find`. */
function overlap(text: Buffer, find: Uint8Array): number {
  for (let length = Math.min(text.length, find.byteLength - 1); length > 0; length--)
    if (text.subarray(text.length - length).equals(find.subarray(0, length))) return length;
  return 0;
}

/** What to do with a whole text, which is held until it ends. */
export interface WholeOptions {
  readonly limit: number;
  readonly onTooLarge: "pass" | "fail";
  replace(text: string): string;
}

/** A throw here cuts the reply off, because its head is on its way. */
export function replaceWhole({ limit, onTooLarge, replace }: WholeOptions): ChunkTransform {
  let held: Uint8Array[] = [];
  let length = 0;
  return {
    chunk(bytes, push) {
      length += bytes.byteLength;
      if (length <= limit) return void held.push(bytes);
      if (onTooLarge === "fail") throw tooLarge(limit);
      for (const one of held) push(one);
      held = [];
      push(bytes);
    },
    end(push) {
      if (length > limit || length === 0) return;
      const whole = Buffer.concat(held);
      const text = whole.toString("utf8");
      const after = replace(text);
      // Untouched bytes go on as they are, even where they were not UTF-8.
      push(after === text ? whole : Buffer.from(after));
    },
  };
}

export function tooLarge(limit: number): Error {
  return new Error(`the reply is longer than ${limit} bytes; raise limit, or set onTooLarge: pass`);
}
