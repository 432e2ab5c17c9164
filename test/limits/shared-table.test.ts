import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { heapStats } from "bun:jsc";
import { randomBytes } from "node:crypto";
import { createPage } from "../../src/observability/page-file.ts";
import { Limit, LocalLimiter } from "../../src/proxy/limits/gcra.ts";
import { formatTable, SharedTable, tableWords } from "../../src/proxy/limits/shared-table.ts";
import { Hammers } from "./hammers.ts";
import { newLimiter, newTable, NOW } from "./tables.ts";

setDefaultTimeout(60_000);

const TEN = new Limit("ten", { max: 10, windowMs: 60_000 });

function sharedPage() {
  const page = createPage(tableWords(1024));
  const words = new BigInt64Array(page.numbers.buffer, page.numbers.byteOffset, page.numbers.length);
  formatTable(words, randomBytes(8).readBigInt64LE());
  return { page, words };
}

function drain(limiter: LocalLimiter, key: string, limit: Limit, now: number): number {
  let allowed = 0;
  while (limiter.take(key, limit, now).allowed) allowed++;
  return allowed;
}

describe("a table", () => {
  test("has room for what was asked, in sets of eight", () => {
    for (const keys of [1, 8, 9, 1000, 1_000_000]) {
      const { capacity } = newTable(keys);
      expect(capacity).toBeGreaterThanOrEqual(keys);
      expect(capacity).toBeLessThanOrEqual(Math.max(8, keys * 2));
    }
    expect(() => tableWords(0)).toThrow("1 to 268435456 keys");
  });

  test("is not made of memory that was not formatted, or of another size", () => {
    expect(() => new SharedTable(new BigInt64Array(tableWords(8)))).toThrow("formatTable() comes first");
    const words = new BigInt64Array(tableWords(8) + 1);
    formatTable(words, 1n);
    expect(() => new SharedTable(words)).toThrow("use tableWords()");
  });

  test("takes a million keys in the memory it has", () => {
    const limiter = newLimiter(10_000);
    drain(limiter, "warm", TEN, NOW);
    Bun.gc(true);
    const before = heapStats().heapSize + heapStats().extraMemorySize;
    for (let i = 0; i < 1_000_000; i++) limiter.take(`client ${i}`, TEN, NOW);
    Bun.gc(true);
    expect(heapStats().heapSize + heapStats().extraMemorySize - before).toBeLessThan(8 * 2 ** 20);
  });

  test("forgets the most refilled first: a flood of new keys frees no key that is used up", () => {
    const table = newTable(10_000);
    const limiter = new LocalLimiter(table);
    const used = Array.from({ length: 100 }, (_, i) => `used ${i}`);
    for (const key of used) expect(drain(limiter, key, TEN, NOW)).toBe(10);
    for (let i = 0; i < 200_000; i++) limiter.take(`flood ${i}`, TEN, NOW + 1);
    expect(table.evictions).toBeGreaterThan(100_000);
    expect(used.filter((key) => limiter.take(key, TEN, NOW + 2).allowed)).toEqual([]);
  });

  test("counts no eviction while what goes is refilled", () => {
    const table = newTable(64);
    const limiter = new LocalLimiter(table);
    for (let i = 0; i < 10_000; i++) limiter.take(`client ${i}`, TEN, NOW + i * 6000);
    expect(table.evictions).toBe(0);
  });

  test("takes what half the clock's range has passed over for old, not for the future", () => {
    const table = newTable(8);
    const limiter = new LocalLimiter(table);
    for (let i = 0; i < 8; i++) limiter.take(`old ${i}`, TEN, NOW);
    const later = NOW + 110 * 86_400_000;
    const keys = Array.from({ length: 8 }, (_, i) => `new ${i}`);
    for (const key of keys) expect(drain(limiter, key, TEN, later)).toBe(10);
    expect(keys.filter((key) => limiter.take(key, TEN, later).allowed)).toEqual([]);
    expect(table.evictions).toBe(0);
  });

  test("tells practically all keys of a full table apart", () => {
    const limiter = newLimiter(400_000);
    let met = 0;
    for (let i = 0; i < 100_000; i++) if (limiter.take(`client ${i}`, TEN, NOW).remaining !== 9) met++;
    expect(met).toBeLessThan(5);
  });

  test("depends on its seed: keys that meet in one table do not in another", () => {
    const words = [1n, 2n].map((seed) => {
      const words = new BigInt64Array(tableWords(4096));
      formatTable(words, seed);
      new LocalLimiter(new SharedTable(words)).take("k", TEN, NOW);
      return words.findIndex((word, at) => at >= 8 && word !== 0n);
    });
    expect(words[0]).not.toBe(words[1]);
  });
});

describe("hostile keys", () => {
  test("whose hashes are equal share one limit and harm nothing else", () => {
    const limiter = newLimiter(64, (key) => (key.startsWith("evil") ? 42n : BigInt(Bun.hash(key))));
    let allowed = 0;
    for (let i = 0; i < 1000; i++) if (limiter.take(`evil ${i}`, TEN, NOW).allowed) allowed++;
    expect(allowed).toBe(10);
    expect(limiter.take("good", TEN, NOW).remaining).toBe(9);
  });

  test("of one set push each other out of it and out of no other", () => {
    // The low bits choose the set, the highest twenty are the tag.
    const hash = (key: string) => (key.startsWith("evil") ? BigInt(key.slice(5)) << 44n : 1n | (7n << 44n));
    const limiter = newLimiter(64, hash);
    drain(limiter, "good", TEN, NOW);
    for (let i = 1; i < 10_000; i++) limiter.take(`evil ${i}`, TEN, NOW);
    expect(limiter.take("good", TEN, NOW).allowed).toBe(false);
  });

  test("are of any length and any characters", () => {
    const limiter = newLimiter();
    for (const key of ["", "\0", "é\u{1f600}", "\ud800", "x".repeat(10_000_000)]) {
      expect(drain(limiter, key, TEN, NOW)).toBe(10);
    }
  });
});

describe("four processes on one table", () => {
  test("allow exactly the limit together", async () => {
    const { page } = sharedPage();
    try {
      const one = ["take", page.path, 450_000, 300_000, NOW];
      const hammers = await Hammers.start([one, one, one, one]);
      hammers.begin();
      const results = await hammers.results<{ allowed: number; contended: number }>();
      expect(results.reduce((sum, { allowed }) => sum + allowed, 0)).toBe(450_000);
      expect(results.map(({ contended }) => contended)).toEqual([0, 0, 0, 0]);
    } finally {
      page.unlink();
    }
  });

  test("that are killed in the middle leave a limit that goes on", async () => {
    const { page, words } = sharedPage();
    try {
      const one = ["take", page.path, 1e9, 1e9, NOW];
      const hammers = await Hammers.start([one, one, one, one]);
      const limiter = new LocalLimiter(new SharedTable(words));
      const limit = new Limit("hammered", { max: 1e9, windowMs: 3_600_000 });
      hammers.begin();
      let left = 1e9;
      while (left > 1e9 - 100_000) left = limiter.take("hot", limit, NOW).remaining;
      await hammers.kill();
      left = limiter.take("hot", limit, NOW).remaining;
      for (let i = 0; i < 1000; i++) expect(limiter.take("hot", limit, NOW).allowed).toBe(true);
      expect(left - limiter.take("hot", limit, NOW).remaining).toBeWithin(900, 1100);
      expect(drain(limiter, "cold", TEN, NOW)).toBe(10);
    } finally {
      page.unlink();
    }
  });
});
