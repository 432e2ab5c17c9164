/**
 * A deliberately lenient reader: it forgives what old servers forgive (bare LF, white space around names, lists). Whatever the codec
 * accepts or writes must mean the same to it, for if the two disagree about where a message ends, requests can be smuggled.
 */
export interface NaiveHead {
  readonly firstLine: string;
  readonly fields: ReadonlyArray<readonly [name: string, value: string]>;
  /** Octets up to and with the blank line. */
  readonly bytes: number;
}

export function readNaively(text: string): NaiveHead | null {
  let at = 0;
  while (text.startsWith("\r\n", at)) at += 2;
  const blank = /\r?\n\r?\n/g;
  blank.lastIndex = at;
  const end = blank.exec(text);
  if (end === null) return null;
  const lines = text.slice(at, end.index).split(/\r?\n|\r/);
  const fields = lines.slice(1).map((line) => {
    const colon = line.indexOf(":");
    return colon < 0
      ? ([line.trim().toLowerCase(), ""] as const)
      : ([line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()] as const);
  });
  return { firstLine: lines[0]!, fields, bytes: end.index + end[0].length };
}

/** All values of a field, in order. */
export function valuesOf(head: NaiveHead, name: string): string[] {
  return head.fields.filter(([field]) => field === name).map(([, value]) => value);
}

/** Decodes a chunked body as trustingly as `parseInt` does; null where even that fails. */
export function dechunkNaively(text: string): { data: string; bytes: number } | null {
  let at = 0;
  let data = "";
  for (;;) {
    const lineEnd = text.indexOf("\n", at);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (Number.isNaN(size)) return null;
    at = lineEnd + 1;
    if (size === 0) break;
    data += text.slice(at, at + size);
    at += size;
    if (text[at] === "\r") at++;
    if (text[at] !== "\n") return null;
    at++;
  }
  for (;;) {
    const lineEnd = text.indexOf("\n", at);
    if (lineEnd < 0) return null;
    const line = text.slice(at, lineEnd).trim();
    at = lineEnd + 1;
    if (line === "") return { data, bytes: at };
  }
}
