import { expect, test } from "bun:test";
import type { Kv } from "../../src/contract/services.ts";

export interface KvStage {
  /** The store as the plugin of that name sees it. */
  kv(plugin: string): Kv;
  /** Lets so much time go by for what expires. */
  pass(ms: number): void | Promise<void>;
}

let last = 0;
/** A plugin that nobody else uses. */
const fresh = () => `plugin-${++last}`;

/** What holds of every store. */
export function kvContract(name: string, stage: () => KvStage): void {
  const check = (what: string, run: (kv: Kv, stage: KvStage) => Promise<void>) => {
    test(`${name}: ${what}`, () => run(stage().kv(fresh()), stage()));
  };

  check("a key that nobody set is null", async (kv) => {
    expect(await kv.get("nothing")).toBeNull();
    expect(await kv.delete("nothing")).toBe(false);
  });

  check("a value comes back as the JSON it was", async (kv) => {
    const values = [null, false, 0, -1.5, "", "ä€🙂\u0000\r\n", [1, [2]], { a: { b: "c" } }];
    for (const value of values) {
      await kv.set("key", value);
      expect(await kv.get<unknown>("key")).toEqual(value);
    }
  });

  check("what is kept is a copy", async (kv) => {
    const value = { list: [1] };
    await kv.set("key", value);
    value.list.push(2);
    const read = await kv.get<typeof value>("key");
    read!.list.push(3);
    expect(await kv.get<typeof value>("key")).toEqual({ list: [1] });
  });

  check("delete says whether there was something", async (kv) => {
    await kv.set("key", 1);
    expect(await kv.delete("key")).toBe(true);
    expect(await kv.delete("key")).toBe(false);
    expect(await kv.get("key")).toBeNull();
  });

  check("a plugin does not see another one's keys", async (kv, { kv: of }) => {
    const other = of(fresh());
    await kv.set("key", "mine");
    expect(await other.get("key")).toBeNull();
    await other.set("key", "theirs");
    expect(await kv.get<string>("key")).toBe("mine");
  });

  check("the same plugin sees its keys again", async (_, { kv: of }) => {
    const plugin = fresh();
    await of(plugin).set("key", 1);
    expect(await of(plugin).get<number>("key")).toBe(1);
  });

  check("a value with a ttl is gone after it", async (kv, { pass }) => {
    await kv.set("key", 1, { ttlMs: 50_000 });
    expect(await kv.get<number>("key")).toBe(1);
    await pass(60_000);
    expect(await kv.get("key")).toBeNull();
    expect(await kv.delete("key")).toBe(false);
  });

  check("set without a ttl takes an earlier one away", async (kv, { pass }) => {
    await kv.set("key", 1, { ttlMs: 50_000 });
    await kv.set("key", 2);
    await pass(60_000);
    expect(await kv.get<number>("key")).toBe(2);
  });

  check("incr begins at 0, adds, and is readable", async (kv) => {
    expect(await kv.incr("n")).toBe(1);
    expect(await kv.incr("n", { by: 10 })).toBe(11);
    expect(await kv.incr("n", { by: -12 })).toBe(-1);
    expect(await kv.get<number>("n")).toBe(-1);
    await kv.set("n", 41);
    expect(await kv.incr("n")).toBe(42);
  });

  check("no incr is lost when many run at once", async (kv) => {
    const numbers = await Promise.all(Array.from({ length: 200 }, () => kv.incr("n")));
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
  });

  check("the ttl of incr counts from the first", async (kv, { pass }) => {
    expect(await kv.incr("n", { ttlMs: 200_000 })).toBe(1);
    await pass(120_000);
    expect(await kv.incr("n", { ttlMs: 900_000 })).toBe(2);
    await pass(120_000);
    expect(await kv.incr("n")).toBe(1);
  });

  check("incr leaves a key without ttl without one", async (kv, { pass }) => {
    await kv.set("n", 1);
    await kv.incr("n", { ttlMs: 50_000 });
    await pass(60_000);
    expect(await kv.get<number>("n")).toBe(2);
  });

  check("incr refuses what is no whole number, and leaves it as it is", async (kv) => {
    for (const value of ["5", 1.5, { n: 1 }, null, Number.MAX_SAFE_INTEGER]) {
      await kv.set("n", value);
      await expect(kv.incr("n")).rejects.toThrow("whole number");
      expect(await kv.get<unknown>("n")).toEqual(value);
    }
    await expect(kv.incr("m", { by: 0.5 })).rejects.toThrow("whole number");
  });

  check("what cannot be kept is refused with a reason", async (kv) => {
    await expect(kv.set("key", undefined)).rejects.toThrow("not JSON");
    await expect(kv.set("key", () => 1)).rejects.toThrow("not JSON");
    await expect(kv.set("", 1)).rejects.toThrow("at least one character");
    await expect(kv.get("x".repeat(1025))).rejects.toThrow("hash it");
    await expect(kv.get("\ud800")).rejects.toThrow("well-formed");
    await expect(kv.set("key", "x".repeat(1024 * 1024))).rejects.toThrow("at most");
    for (const ttlMs of [0, -1, Number.NaN]) await expect(kv.set("key", 1, { ttlMs })).rejects.toThrow("ttlMs");
    expect(await kv.get("key")).toBeNull();
  });

  check("keys that look like something else are keys", async (kv) => {
    for (const key of ["__proto__", "constructor", "a:b", "*", "ä 🙂", "x\r\nDEL y"]) {
      await kv.set(key, key);
      expect(await kv.get<string>(key)).toBe(key);
    }
  });
}
