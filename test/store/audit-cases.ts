import { expect, test } from "bun:test";
import { migrate, SCHEMA_VERSION } from "../../src/control/store/migrations.ts";
import { connected, type Engine, failure, opened, put } from "./engines.ts";

const line = (action: string) => ({ actor: "ann", action, target: "", detail: {} });

/** What every engine keeps, and how it is looked after. */
export function audit(engine: Engine): void {
  test("audit lines come newest first, page by page, with their number", async () => {
    await using one = await opened(await engine.freshUrl());
    for (let i = 1; i <= 7; i++) {
      one.clock.ms = i;
      await one.store.record({ actor: `a${i}`, action: "config.reload", target: "t", detail: { i } });
    }
    const first = await one.store.audit({ page: 1, pageSize: 3 });
    expect(first.total).toBe(7);
    expect(first.entries[0]).toEqual({
      id: 7,
      at: 7,
      actor: "a7",
      action: "config.reload",
      target: "t",
      detail: { i: 7 },
    });
    expect(first.entries.map(({ id }) => id)).toEqual([7, 6, 5]);
    expect((await one.store.audit({ page: 3, pageSize: 3 })).entries.map(({ id }) => id)).toEqual([1]);
    expect(await one.store.audit({ page: 4, pageSize: 3 })).toEqual({ entries: [], total: 7 });
    const wrong = [0, -1, 1.5, NaN, Infinity].map((page) => ({ page, pageSize: 3 }));
    const wide = [0, -1, 1001, 0.5, NaN].map((pageSize) => ({ page: 1, pageSize }));
    for (const page of [...wrong, ...wide]) expect((await failure(one.store.audit(page))).code).toBe("invalid");
  });

  test("only the newest audit lines are kept", async () => {
    const url = await engine.freshUrl();
    {
      await using one = await opened(url, { keptAuditLines: 5 });
      for (let i = 1; i <= 12; i++) await one.store.record(line(`${i}`));
      await one.store.apply([put("a", 1), put("b", 1)]);
      const { entries, total } = await one.store.audit({ page: 1, pageSize: 10 });
      expect([total, entries.map(({ id }) => id)]).toEqual([5, [14, 13, 12, 11, 10]]);
    }
    await using two = await opened(url, { keptAuditLines: 2 });
    await two.store.record(line("last"));
    expect((await two.store.audit({ page: 1, pageSize: 10 })).entries.map(({ id }) => id)).toEqual([15, 14]);
  });

  test("an audit line is kept whatever is in it, and is bounded", async () => {
    await using one = await opened(await engine.freshUrl());
    const actor = `'; DROP TABLE sluice_audit; --\0\ud800 👾`;
    await one.store.record({ actor, action: "a".repeat(5000), target: "", detail: { text: "\0\ud800 👾" } });
    await one.store.record({ actor, action: "", target: "", detail: { text: "x".repeat(100_000) } });
    const [huge, hostile] = (await one.store.audit({ page: 1, pageSize: 10 })).entries;
    expect(hostile!.actor).toBe(`'; DROP TABLE sluice_audit; --\uFFFD\uFFFD 👾`);
    expect(hostile!.action).toBe(`${"a".repeat(1023)}…`);
    expect(hostile!.detail).toEqual({ text: "\0\ud800 👾" });
    expect(huge!.detail).toEqual({ omitted: "100011 bytes: too much for an audit line" });
  });

  test("a read sees one moment", async () => {
    const url = await engine.freshUrl();
    await using one = await opened(url);
    await using other = await connected(url);
    const count = "SELECT count(*) AS n FROM sluice_objects";
    await other.read(async (run) => {
      expect(Number((await run(count))[0]!.n)).toBe(0);
      await one.store.apply([put("a", 1)]);
      expect(Number((await run(count))[0]!.n)).toBe(0);
    });
    await other.read(async (run) => expect(Number((await run(count))[0]!.n)).toBe(1));
  });

  test("a check writes, and one that went well is good for five seconds", async () => {
    const url = await engine.freshUrl();
    await using one = await opened(url);
    const checkedAt = async () =>
      Number((await engine.query(url, "SELECT checked_at FROM sluice_schema"))[0]!.checked_at);
    one.clock.ms += 5000;
    await Promise.all([one.store.check(), one.store.check()]);
    expect(await checkedAt()).toBe(one.clock.ms);
    const then = one.clock.ms;
    one.clock.ms += 4999;
    await one.store.check();
    expect(await checkedAt()).toBe(then);
    one.clock.ms += 1;
    await one.store.check();
    expect(await checkedAt()).toBe(one.clock.ms);
    await engine.query(url, "DROP TABLE sluice_schema");
    one.clock.ms += 5000;
    for (const _ of [1, 2]) expect((await failure(one.store.check())).message).toContain("sluice_schema");
  });

  test("after closing, which waits for what runs, every call fails and says so", async () => {
    const url = await engine.freshUrl();
    const one = await opened(url);
    const running = Array.from({ length: 8 }, (_, i) => one.store.apply([put(`r${i}`, i)]));
    await one.store.close();
    expect((await Promise.all(running)).length).toBe(8);
    const { store } = one;
    const reads = [
      () => store.list("route"),
      () => store.get("route", "a"),
      () => store.audit({ page: 1, pageSize: 1 }),
    ];
    const writes = [() => store.apply([put("a", 1)]), () => store.record(line("x")), () => store.check()];
    for (const call of [...reads, ...writes]) expect((await failure(call())).code).toBe("closed");
    await one.store.close();
    await using two = await opened(url);
    expect((await two.store.list("route")).length).toBe(8);
  });
}

export function migrations(engine: Engine): void {
  test("the first start makes the tables and says so", async () => {
    const url = await engine.freshUrl();
    await using one = await opened(url);
    expect(one.said).toEqual([expect.stringMatching(/^made the tables of the store /)]);
    expect(one.said.join()).not.toContain("s3cret");
    const [row] = await engine.query(url, "SELECT version FROM sluice_schema");
    expect(Number(row!.version)).toBe(SCHEMA_VERSION);
  });

  test("a database from a newer Sluice is refused and left as it is", async () => {
    const url = await engine.freshUrl();
    await (await opened(url)).store.close();
    await engine.query(url, "UPDATE sluice_schema SET version = 99");
    const error = await failure(opened(url));
    expect(error.code).toBe("unknown_schema");
    expect(error.message).toContain(`has schema 99, and this Sluice knows ${SCHEMA_VERSION}: start the newer Sluice`);
    expect(Number((await engine.query(url, "SELECT version FROM sluice_schema"))[0]!.version)).toBe(99);
  });

  test("once a newer Sluice has changed the tables, this one changes nothing more", async () => {
    const url = await engine.freshUrl();
    await using one = await opened(url);
    await one.store.apply([put("a", 1)]);
    await engine.query(url, `UPDATE sluice_schema SET version = ${SCHEMA_VERSION + 1}`);
    const calls = [() => one.store.apply([put("a", 2)]), () => one.store.record(line("x")), () => one.store.check()];
    for (const call of calls) expect((await failure(call())).code).toBe("unknown_schema");
    expect((await one.store.get("route", "a"))!.value).toBe(1);
  });

  test("each step is made once, in order, and keeps what is there", async () => {
    const url = await engine.freshUrl();
    await using database = await connected(url);
    const steps = [
      ["CREATE TABLE t (a TEXT NOT NULL)", "INSERT INTO t (a) VALUES ('kept')"],
      ["ALTER TABLE t ADD COLUMN b TEXT", "UPDATE t SET b = a"],
      ["ALTER TABLE t DROP COLUMN a"],
    ];
    expect(await migrate(database, steps.slice(0, 1))).toBe(0);
    expect(await migrate(database, steps.slice(0, 1))).toBe(1);
    expect(await migrate(database, steps)).toBe(1);
    expect(await migrate(database, steps)).toBe(3);
    expect(await engine.query(url, "SELECT * FROM t")).toEqual([{ b: "kept" }]);
    const broken = [...steps, ["ALTER TABLE t ADD COLUMN c TEXT", "ALTER TABLE nothing ADD COLUMN c TEXT"]];
    expect((await failure(migrate(database, broken))).message).toContain("nothing");
    expect(await migrate(database, steps)).toBe(3);
    expect(await engine.query(url, "SELECT * FROM t")).toEqual([{ b: "kept" }]);
  });

  test("a migration that fails leaves nothing behind", async () => {
    const url = await engine.freshUrl();
    if (url.startsWith("sqlite:")) await (await opened(url)).store.close();
    for (const table of ["sluice_schema", "sluice_objects"]) await engine.query(url, `DROP TABLE IF EXISTS ${table}`);
    await engine.query(url, "CREATE TABLE IF NOT EXISTS sluice_audit (x BIGINT)");
    expect((await failure(opened(url))).message).toContain("sluice_audit");
    expect((await failure(opened(url))).message).toContain("sluice_audit");
    await engine.query(url, "DROP TABLE sluice_audit");
    await using one = await opened(url);
    await one.store.apply([put("a", 1)]);
  });
}
