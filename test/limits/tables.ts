import { formatTable, type KeyHash, SharedTable, tableWords } from "../../src/proxy/limits/shared-table.ts";
import { LocalLimiter } from "../../src/proxy/limits/gcra.ts";

/** Any instant; whole milliseconds. */
export const NOW = 1_795_000_000_000;

export function newTable(keys: number, hash?: KeyHash): SharedTable {
  const words = new BigInt64Array(tableWords(keys));
  formatTable(words, 0x1357_9bdf_0246_8acen);
  return new SharedTable(words, hash);
}

export function newLimiter(keys = 4096, hash?: KeyHash): LocalLimiter {
  return new LocalLimiter(newTable(keys, hash));
}
