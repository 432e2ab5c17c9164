import { isDeepStrictEqual } from "node:util";
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import type { ChunkTransform, LogContext, Setup } from "sluice";
import type { Diff } from "./index.ts";

/** What is compared of a reply. */
export interface Seen {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string | null>;
  readonly type: string;
  readonly coding: string | null;
  /** null: unknown or too long. */
  body: Uint8Array | null;
}

const INFLATED_BYTES = 16 * 1024 * 1024;
const DECODERS: Readonly<Record<string, (bytes: Uint8Array, options: { maxOutputLength: number }) => Uint8Array>> = {
  gzip: gunzipSync,
  "x-gzip": gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
};

/** Passes a body on and remembers it while it is short enough. */
export function bodyTee(seen: Seen, limit: number): ChunkTransform {
  let chunks: Uint8Array[] | null = [];
  let length = 0;
  return {
    chunk(bytes, push) {
      length += bytes.length;
      if (length > limit) chunks = null;
      // A copy: whoever gets `bytes` next owns them.
      chunks?.push(bytes.slice());
      push(bytes);
    },
    end() {
      if (chunks !== null) seen.body = Buffer.concat(chunks);
    },
  };
}

type Compare = (own: Seen, shadow: Seen, ctx: LogContext<object>) => void;

/** Counts what differs, and logs it while the minute has room. */
export function comparer(
  diff: Diff,
  { metrics, log, every }: Pick<Setup<unknown>, "metrics" | "log" | "every">,
): Compare {
  const differences = metrics.counter("diff_total", "Replies that differ, by what.");
  const compared = metrics.counter("compared_total", "Replies that were compared.");
  const ignored = diff.ignore.map(pointerParts);
  let logged = 0;
  every(60_000, () => {
    logged = 0;
  });
  return (own, shadow, ctx) => {
    compared.inc();
    const found: string[] = [];
    if (own.status !== shadow.status) found.push("status");
    const headers = [...own.headers]
      .filter(([name, value]) => value !== shadow.headers.get(name))
      .map(([name]) => name);
    if (headers.length > 0) found.push("headers");
    if (diff.body !== "off" && !sameBody(own, shadow, { asJson: diff.body === "json", ignored })) found.push("body");
    for (const kind of found) differences.inc(1, { kind });
    if (found.length === 0 || logged++ >= diff.logsPerMinute) return;
    const status = own.status === shadow.status ? own.status : [own.status, shadow.status];
    const path = ctx.path.split("?", 1)[0];
    log.warn("the mirror answered otherwise", {
      requestId: ctx.id,
      method: ctx.method,
      path,
      differs: found,
      status,
      headers,
    });
  };
}

interface Way {
  readonly asJson: boolean;
  readonly ignored: ReadonlyArray<readonly string[]>;
}

/** Bodies that are not known are not said to differ. */
function sameBody(own: Seen, shadow: Seen, { asJson, ignored }: Way): boolean {
  if (own.body === null || shadow.body === null) return true;
  const [a, b] = [decoded(own), decoded(shadow)];
  if (a === null || b === null) return Buffer.compare(own.body, shadow.body) === 0;
  if (asJson && isJson(own.type) && isJson(shadow.type)) {
    const values = [a, b].map(parsed);
    if (values.every((value) => value !== undefined)) {
      for (const value of values) for (const pointer of ignored) forget(value, pointer);
      return isDeepStrictEqual(values[0], values[1]);
    }
  }
  return Buffer.compare(a, b) === 0;
}

const isJson = (type: string) => /^application\/(?:[\w.+-]+\+)?json\b/i.test(type);

function decoded({ body, coding }: Seen): Uint8Array | null {
  if (coding === null || coding === "identity") return body;
  try {
    return DECODERS[coding.toLowerCase()]?.(body!, { maxOutputLength: INFLATED_BYTES }) ?? null;
  } catch {
    return null;
  }
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** RFC 6901, and `*` for every member. @throws Error where it is no pointer */
function pointerParts(pointer: string): string[] {
  if (!pointer.startsWith("/")) throw new Error(`diff.ignore: ${JSON.stringify(pointer)} must start with "/"`);
  const parts = pointer.slice(1).split("/");
  return parts.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function forget(value: unknown, [part, ...rest]: readonly string[]): void {
  if (typeof value !== "object" || value === null || part === undefined) return;
  const members = value as Record<string, unknown>;
  const keys = part === "*" ? Object.keys(members) : Object.hasOwn(members, part) ? [part] : [];
  for (const key of keys) {
    if (rest.length > 0) forget(members[key], rest);
    // null, not gone: an array keeps its places.
    else members[key] = null;
  }
}
