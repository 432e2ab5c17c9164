import { describe, expect, test } from "bun:test";
import { SqlStore } from "../../src/control/store/sql-store.ts";
import { RevisionConflict, type StoredObject } from "../../src/control/store/store.ts";
import { connected, type Engine, failure, opened, put, remove } from "./engines.ts";

const conflict = async (promise: Promise<unknown>): Promise<StoredObject | null> => {
  const error = await promise.then(
    () => new Error("it did not fail"),
    (error: unknown) => error,
  );
  if (error instanceof RevisionConflict) return error.current;
  throw error;
};

const HOSTILE_IDS = [
  `a'b`,
  `"; DROP TABLE sluice_objects; --`,
  `$1`,
  "%_\\",
  "ünïcödé",
  "👩‍👩‍👧 🏳️‍🌈",
  "e\u0301",
  "\u00e9",
  "Ab",
  "aB",
  " ab ",
  "a/b@c",
  "x".repeat(512),
  "名".repeat(512),
];

const HOSTILE_VALUES: unknown[] = [
  { z: 1, a: [null, true, -0.5, 1e300, "x"], __proto__x: {} },
  "just text",
  0,
  false,
  [],
  {},
  { nul: "a\0b", lone: "\ud800", quote: `'";--`, emoji: "👾" },
  JSON.parse(`{"__proto__": {"polluted": true}, "constructor": 1}`),
];

/** What every engine keeps. */
export function storeCases(engine: Engine): void {
  test("what was applied is there with its revision and its time, after closing and opening again", async () => {
    const url = await engine.freshUrl();
    {
      await using one = await opened(url);
      const first = await one.store.apply([put("a", { x: 1 })]);
      expect(first).toEqual([{ kind: "route", id: "a", value: { x: 1 }, revision: 1, updatedAt: 1_700_000_000_000 }]);
      one.clock.ms += 5;
      expect(await one.store.apply([put("a", { x: 2 })])).toMatchObject([{ revision: 2, value: { x: 2 } }]);
    }
    await using two = await opened(url);
    const kept = { kind: "route" as const, id: "a", value: { x: 2 }, revision: 2, updatedAt: 1_700_000_000_005 };
    expect(await two.store.get("route", "a")).toEqual(kept);
    expect(await two.store.list("route")).toEqual([kept]);
    expect(two.said).toEqual([]);
  });

  test("kinds have names of their own, and a list begins with what was made first", async () => {
    await using one = await opened(await engine.freshUrl());
    await one.store.apply([put("b", 1), put("a", 2), { ...put("b", 3), kind: "upstream" }]);
    await one.store.apply([put("b", 4)]);
    expect((await one.store.list("route")).map(({ id, value }) => [id, value])).toEqual([
      ["b", 4],
      ["a", 2],
    ]);
    expect((await one.store.list("upstream")).map(({ value }) => value)).toEqual([3]);
    expect(await one.store.list("key")).toEqual([]);
    await one.store.apply([remove("b"), put("b", 5)]);
    expect((await one.store.list("route")).map(({ id }) => id)).toEqual(["a", "b"]);
  });

  test("nothing came between: an object is replaced only at the revision that is asked for", async () => {
    await using one = await opened(await engine.freshUrl());
    expect(await conflict(one.store.apply([put("a", 1, 7)]))).toBeNull();
    await one.store.apply([put("a", 1, 0)]);
    expect(await conflict(one.store.apply([put("a", 2, 0)]))).toMatchObject({ revision: 1, value: 1 });
    await one.store.apply([put("a", 2, 1)]);
    expect(await conflict(one.store.apply([put("a", 3, 1)]))).toMatchObject({ revision: 2, value: 2 });
    expect(await conflict(one.store.apply([remove("a", 1)]))).toMatchObject({ revision: 2 });
    expect(await one.store.apply([remove("a", 2)])).toMatchObject([{ value: null }]);
    expect(await one.store.get("route", "a")).toBeNull();
    expect(await conflict(one.store.apply([remove("a", 2)]))).toBeNull();
    // Whatever is there may be nothing.
    expect(await one.store.apply([remove("a")])).toMatchObject([{ value: null }]);
  });

  test("an object made anew under an old name never has a revision that the old one had", async () => {
    await using one = await opened(await engine.freshUrl());
    await one.store.apply([put("a", 1), put("a", 2), remove("a")]);
    const [anew] = await one.store.apply([put("a", "new", 0)]);
    expect(anew!.revision).toBeGreaterThan(2);
    expect(await conflict(one.store.apply([put("a", "old hand", 1)]))).toMatchObject({ value: "new" });
  });

  test("the revisions of what was deleted are remembered, of the last ones", async () => {
    const url = await engine.freshUrl();
    await (await opened(url)).store.close();
    await using database = await connected(url);
    const store = new SqlStore(database, { now: Date.now, keptAuditLines: 10, keptDeletions: 2 });
    const ids = ["r0", "r1", "r2", "r3"];
    await store.apply(ids.flatMap((id) => [put(id, 1, 0), remove(id, 1)]));
    const [row] = await engine.query(url, "SELECT count(*) AS n FROM sluice_objects");
    expect(Number(row!.n)).toBe(2);
    const anew = await store.apply(ids.map((id) => put(id, 1, 0)));
    expect(anew.map(({ revision }) => revision)).toEqual([1, 1, 3, 3]);
  });

  test("several changes and their audit lines are made together or not at all, in order", async () => {
    await using one = await opened(await engine.freshUrl());
    await one.store.apply([put("a", 1)]);
    await conflict(one.store.apply([put("b", 1), remove("a"), put("b", 2, 1), put("c", 1, 9)]));
    expect((await one.store.list("route")).map(({ id }) => id)).toEqual(["a"]);
    expect((await one.store.audit({ page: 1, pageSize: 10 })).total).toBe(1);
    await failure(one.store.apply([put("b", 1), put("\0", 1)]));
    expect(await one.store.get("route", "b")).toBeNull();
    expect(await one.store.apply([put("b", 1, 0), put("b", 2, 1), remove("b", 2)])).toMatchObject([
      { revision: 1, value: 1 },
      { revision: 2, value: 2 },
      { value: null },
    ]);
    expect(await one.store.apply([])).toEqual([]);
    expect((await one.store.audit({ page: 1, pageSize: 10 })).total).toBe(4);
  });

  test("exactly one of many writers wins, also when they do not share a connection", async () => {
    const url = await engine.freshUrl();
    await using one = await opened(url);
    await using two = await opened(url);
    for (const ifRevision of [0, 1, 2]) {
      const tries = Array.from({ length: 16 }, (_, i) =>
        (i % 2 === 0 ? one : two).store.apply([put("a", i, ifRevision)]),
      );
      const results = await Promise.allSettled(tries);
      expect(results.filter(({ status }) => status === "fulfilled").length).toBe(1);
      for (const result of results) {
        if (result.status === "rejected") expect(result.reason).toBeInstanceOf(RevisionConflict);
      }
    }
    expect((await two.store.get("route", "a"))!.revision).toBe(3);
    expect((await one.store.audit({ page: 1, pageSize: 10 })).total).toBe(3);
  });

  test("nobody sees half of a change", async () => {
    await using one = await opened(await engine.freshUrl());
    const writes = Array.from({ length: 20 }, (_, i) => one.store.apply([put("a", i), put("b", i)]));
    const looks = Array.from({ length: 20 }, () => one.store.list("route"));
    for (const list of await Promise.all(looks)) {
      expect(list.length === 0 || (list.length === 2 && list[0]!.value === list[1]!.value)).toBe(true);
    }
    await Promise.all(writes);
  });

  test("several may open a fresh database at once", async () => {
    const url = await engine.freshUrl();
    const stores = await Promise.all([1, 2, 3, 4].map(() => opened(url)));
    await Promise.all(stores.map(({ store }, i) => store.apply([put(`r${i}`, i)])));
    expect((await stores[0]!.store.list("route")).length).toBe(4);
    expect(stores.flatMap(({ said }) => said).filter((line) => line.startsWith("made the tables")).length).toBe(1);
    await Promise.all(stores.map(({ store }) => store.close()));
  });

  describe("ids", () => {
    test("with quotes, SQL, emoji, signs that look alike and 512 characters stay what they are", async () => {
      const url = await engine.freshUrl();
      {
        await using one = await opened(url);
        for (const id of HOSTILE_IDS) await one.store.apply([put(id, { id }, 0)]);
      }
      await using two = await opened(url);
      expect((await two.store.list("route")).map(({ id }) => id)).toEqual(HOSTILE_IDS);
      for (const id of HOSTILE_IDS) expect((await two.store.get("route", id))!.value).toEqual({ id });
      await two.store.apply(HOSTILE_IDS.map((id) => remove(id, 1)));
      expect(await two.store.list("route")).toEqual([]);
    });

    for (const id of ["", "a\0b", "a\nb", "\x7f", "\ud800", "x".repeat(513)]) {
      test(`${JSON.stringify(id).slice(0, 20)} is refused with the reason, and is not there`, async () => {
        await using one = await opened(await engine.freshUrl());
        const error = await failure(one.store.apply([put(id, 1)]));
        expect(error.code).toBe("invalid");
        expect(error.message).toMatch(/empty|control character|well-formed|at most 512 characters/);
        expect(await one.store.get("route", id)).toBeNull();
      });
    }
  });

  describe("values", () => {
    test("are JSON as it was given", async () => {
      const url = await engine.freshUrl();
      await using one = await opened(url);
      for (const [i, value] of HOSTILE_VALUES.entries()) {
        await one.store.apply([put(`v${i}`, value)]);
        expect(JSON.stringify((await one.store.get("route", `v${i}`))!.value)).toBe(JSON.stringify(value));
      }
    });

    test("of 1 MiB are kept, larger ones are refused with the limit", async () => {
      await using one = await opened(await engine.freshUrl());
      const largest = "x".repeat(1024 * 1024 - 2);
      await one.store.apply([put("a", largest)]);
      expect((await one.store.get("route", "a"))!.value).toBe(largest);
      const error = await failure(one.store.apply([put("b", `${largest}y`)]));
      expect(error.code).toBe("too_large");
      expect(error.message).toBe(`the route "b" has 1048577 bytes as JSON, and at most 1048576 are kept`);
      // Bytes, not characters.
      expect((await failure(one.store.apply([put("b", "ü".repeat(600_000))]))).code).toBe("too_large");
    });

    test("that JSON does not have are refused", async () => {
      await using one = await opened(await engine.freshUrl());
      const round: Record<string, unknown> = {};
      round.round = round;
      for (const value of [undefined, () => 1, 1n, round]) {
        const error = await failure(one.store.apply([put("a", value)]));
        expect([error.code, error.message]).toEqual(["invalid", expect.stringContaining("cannot be written as JSON")]);
      }
    });

    test("that somebody has spoiled by hand are named, and can be replaced and deleted", async () => {
      const url = await engine.freshUrl();
      await using one = await opened(url);
      await one.store.apply([put("a", 1)]);
      await engine.query(url, "UPDATE sluice_objects SET value = '{'");
      const error = await failure(one.store.list("route"));
      expect([error.code, error.message]).toEqual(["damaged", expect.stringContaining(`the route "a"`)]);
      await one.store.apply([put("a", 2, 1)]);
      expect(await one.store.list("route")).toMatchObject([{ value: 2 }]);
      await engine.query(url, "UPDATE sluice_objects SET value = '{'");
      await one.store.apply([remove("a")]);
      expect(await one.store.list("route")).toEqual([]);
    });
  });
}
