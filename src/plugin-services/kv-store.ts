import type { Kv } from "../contract/services.ts";
import type { KvOperation, KvOutcome } from "../control/workers/messages.ts";

/** Where keys and values are kept. Each operation is atomic; rejects with what the operator or the author can do. */
export interface KvStore {
  run(operation: KvOperation): Promise<KvOutcome>;
}

const MAX_KEY_LENGTH = 1024;
const MAX_VALUE_LENGTH = 1024 * 1024;

/** The part of `store` that belongs to `plugin`, as its hooks see it: keys are checked, values are JSON. */
export function kvOf(store: KvStore, plugin: string): Kv {
  return {
    async get<T>(key: string) {
      const text = (await store.run({ verb: "get", plugin, key: checkedKey(key) })) as string | null;
      return text === null ? null : (parsed(text, plugin, key) as T);
    },
    async set(key, value, options) {
      const text = jsonOf(value, checkedKey(key));
      await store.run({ verb: "set", plugin, key, value: text, ttlMs: checkedTtl(options?.ttlMs) });
    },
    async delete(key) {
      return (await store.run({ verb: "delete", plugin, key: checkedKey(key) })) === true;
    },
    async incr(key, { by = 1, ttlMs } = {}) {
      if (!Number.isSafeInteger(by)) throw new TypeError(`kv.incr("${key}"): by must be a whole number, not ${by}`);
      const number = await store.run({
        verb: "incr",
        plugin,
        key: checkedKey(key),
        by,
        ttlMs: checkedTtl(ttlMs),
      });
      return number as number;
    },
  };
}

/** What `incr` says of a value that it cannot add to. */
export function notWhole(plugin: string, key: string): Error {
  return new Error(`kv.incr("${key}"): plugin ${plugin} keeps something else there than a whole number below 2^53`);
}

function checkedKey(key: unknown): string {
  if (typeof key !== "string" || key === "") throw new TypeError("kv: a key is a string of at least one character");
  if (key.length > MAX_KEY_LENGTH)
    throw new RangeError(`kv: a key has at most ${MAX_KEY_LENGTH} characters, this one ${key.length}: hash it`);
  if (!key.isWellFormed()) throw new TypeError("kv: a key must be well-formed Unicode");
  return key;
}

function checkedTtl(ttlMs: number | undefined): number | null {
  if (ttlMs === undefined || ttlMs === Number.POSITIVE_INFINITY) return null;
  if (typeof ttlMs !== "number" || !(ttlMs > 0)) throw new RangeError(`kv: ttlMs is more than 0, not ${ttlMs}`);
  // Redis counts in whole milliseconds and ends at 2^53.
  return Math.min(Math.ceil(ttlMs), Number.MAX_SAFE_INTEGER / 2);
}

function jsonOf(value: unknown, key: string): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError(`kv.set("${key}"): ${typeof value} is not JSON`);
  if (text.length <= MAX_VALUE_LENGTH) return text;
  throw new RangeError(`kv.set("${key}"): the value takes ${text.length} characters; ${MAX_VALUE_LENGTH} at most`);
}

function parsed(text: string, plugin: string, key: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`kv.get("${key}"): what is kept for plugin ${plugin} is not JSON; somebody else wrote it`);
  }
}
