import { afterEach, expect, test } from "bun:test";
import { describeWithPostgres } from "../kit/postgres-server.ts";
import { within } from "../kit/eventually.ts";
import { crashCases, expectAllOf, startWriter } from "./crash-cases.ts";
import { failure, opened, postgresEngine, put, SHORT_PATIENCE } from "./engines.ts";
import { cutAtCommit } from "./cut-at-commit.ts";

describeWithPostgres("a store in PostgreSQL", () => {
  const engine = postgresEngine();
  const database = (url: string) => new URL(url).pathname.slice(1);
  afterEach(() => engine.server().thaw());

  crashCases(engine);

  test("a crash of the server in the middle of writes loses none that was acknowledged", async () => {
    const url = await engine.freshUrl();
    const writer = startWriter(url, "pairs", 4);
    await writer.hasSaid(300);
    await engine.server().kill();
    await writer.hasSaid(Infinity);
    expect(await writer.child.exited).toBe(3);
    expect(writer.said.at(-1)).toStartWith("failed unavailable the store postgres://127.0.0.1");
    await engine.server().start();
    await expectAllOf(url, writer.said);
  }, 60_000);

  test("calls fail with the reason while the server is away, work again once it is back, and it says so once", async () => {
    const url = await engine.freshUrl();
    await using one = await opened(url, { patience: SHORT_PATIENCE });
    await one.store.apply([put("a", 1)]);
    one.said.length = 0;
    await engine.server().kill();
    one.clock.ms += 5000;
    const calls = [() => one.store.apply([put("a", 2)]), () => one.store.get("route", "a"), () => one.store.check()];
    for (const call of calls) {
      const error = await failure(within<unknown>("an answer", call()));
      expect(error).toMatchObject({ code: "unavailable", inDoubt: false });
      expect(error.message).toStartWith(
        `the store postgres://127.0.0.1:${engine.server().port}/${database(url)} cannot be`,
      );
    }
    await engine.server().start();
    await one.store.apply([put("a", 3, 1)]);
    await one.store.check();
    expect(one.said).toEqual([
      expect.stringContaining("cannot be reached"),
      expect.stringMatching(/^the store .* answers again$/),
    ]);
  }, 60_000);

  test("nothing hangs with a server that hangs; what was given up never happens, and the next call works", async () => {
    const url = await engine.freshUrl();
    await using one = await opened(url, { patience: SHORT_PATIENCE });
    await one.store.apply([put("a", 1)]);
    engine.server().freeze();
    const calls = [
      ...Array.from({ length: 10 }, (_, i) => one.store.apply([put(`lost${i}`, i)])),
      ...Array.from({ length: 10 }, () => one.store.list("route")),
    ];
    const results = await within("all answers", Promise.allSettled(calls));
    for (const result of results) expect(result).toMatchObject({ reason: { code: "unavailable" } });
    expect((await failure(within("an answer", one.store.get("route", "a")))).code).toBe("unavailable");
    engine.server().thaw();
    await one.store.apply([put("a", 2, 1)]);
    expect((await one.store.list("route")).map(({ id }) => id)).toEqual(["a"]);
  }, 60_000);

  test("a connection that the server ended while nobody used it is replaced without anybody noticing", async () => {
    const url = await engine.freshUrl();
    await using one = await opened(url);
    await one.store.apply([put("a", 1)]);
    const mine = `from pg_stat_activity where datname = '${database(url)}'`;
    const asked = (what: string) => engine.query(engine.server().url("postgres"), `select ${what} ${mine}`);
    for (let round = 0; round < 3; round++) {
      // Some are still being opened.
      while (Number((await asked("count(*) as n"))[0]!.n) > 0) await asked("pg_terminate_backend(pid)");
      await one.store.apply([put("a", round)]);
    }
  });

  test("a change whose commit nobody answered is told as one that may have been made", async () => {
    const url = await engine.freshUrl();
    await (await opened(url)).store.close();
    await using cut = cutAtCommit(engine.server().port);
    const through = new URL(url);
    through.port = `${cut.port}`;
    await using one = await opened(through.href);
    cut.arm();
    const error = await failure(one.store.apply([put("a", 1)]));
    expect(error).toMatchObject({ code: "unavailable", inDoubt: true });
    expect(error.message).toEndWith("the change may have been made: look before you repeat it");
    expect((await one.store.get("route", "a"))!.value).toBe(1);
    cut.arm();
    expect(await failure(one.store.get("route", "a"))).toMatchObject({ code: "unavailable", inDoubt: false });
  });

  test("connections that a network has forgotten are given up for new ones", async () => {
    const url = await engine.freshUrl();
    await using cut = cutAtCommit(engine.server().port);
    const through = new URL(url);
    through.port = `${cut.port}`;
    await using one = await opened(through.href, { patience: SHORT_PATIENCE });
    await one.store.apply([put("a", 1)]);
    cut.swallow();
    const error = await failure(within("an answer", one.store.apply([put("a", 2)])));
    expect(error.message).toContain("did not answer within 2000 ms");
    await one.store.apply([put("a", 3, 1)]);
  });

  test("a change that was given up while it waited is not made later", async () => {
    const url = await engine.freshUrl();
    await using one = await opened(url, { patience: { ...SHORT_PATIENCE, statementMs: 20_000 } });
    const other = new Bun.SQL(url, { max: 1 });
    await other.begin(async (tx) => {
      await tx.unsafe("select version from sluice_schema for update");
      const late = failure(one.store.apply([put("a", 1)]));
      // Others are answered: it is not the server that hangs.
      await one.store.list("route");
      expect((await late).message).toContain("did not answer within 2000 ms");
    });
    await other.close();
    // Comes after the one that was given up.
    await one.store.apply([put("b", 1)]);
    expect((await one.store.list("route")).map(({ id }) => id)).toEqual(["b"]);
  });

  test("a lock that somebody else keeps is waited for, not for ever", async () => {
    const url = await engine.freshUrl();
    await using one = await opened(url, { patience: SHORT_PATIENCE });
    const other = new Bun.SQL(url, { max: 1 });
    await other.begin(async (tx) => {
      await tx.unsafe("lock table sluice_schema");
      const error = await failure(one.store.apply([put("a", 1)]));
      expect([error.code, error.message]).toEqual(["unavailable", expect.stringMatching(/somebody|lock/)]);
    });
    await other.close();
    await one.store.apply([put("a", 1, 0)]);
  });

  test("more changes at once than connections all get their turn", async () => {
    const url = await engine.freshUrl();
    await using one = await opened(url);
    await Promise.all(Array.from({ length: 100 }, (_, i) => one.store.apply([put(`r${i}`, i)])));
    expect((await one.store.list("route")).length).toBe(100);
  });

  test("what cannot be used is refused at the start, with what to do, and without the password", async () => {
    const server = engine.server();
    await server.query("create database latin encoding 'LATIN1' template template0");
    await server.query("create database frozen");
    await server.query("alter database frozen set default_transaction_read_only = on");
    await server.query("create role guest login");
    const guest = new URL(await engine.freshUrl());
    guest.username = "guest";
    const cases: Array<[url: string, code: string, says: string]> = [
      [server.url("nothing"), "unwritable", "make the database"],
      [server.url("latin"), "unwritable", "has the encoding LATIN1: make one with ENCODING 'UTF8'"],
      [server.url("frozen"), "unwritable", "is it a standby? Name the primary"],
      [server.url("x").replace("sluice:", "nobody:"), "unwritable", "look at the user and the password"],
      [guest.href, "unwritable", "must own Sluice's tables"],
      ["postgres://sluice:s3cret@127.0.0.1:1/x", "unavailable", "cannot be reached"],
      ["postgres://sluice:s3cret@no-such-host.invalid/x", "unavailable", "cannot be reached"],
    ];
    for (const [url, code, says] of cases) {
      const error = await failure(opened(url, { patience: SHORT_PATIENCE }));
      expect([error.code, error.message]).toEqual([code as typeof error.code, expect.stringContaining(says)]);
      expect(Bun.inspect(error)).not.toContain("s3cret");
    }
  });

  test("the URL says which database, not PGDATABASE", async () => {
    const url = await engine.freshUrl();
    process.env.PGDATABASE = "postgres";
    try {
      await using one = await opened(url);
      await one.store.apply([put("a", 1)]);
    } finally {
      delete process.env.PGDATABASE;
    }
    expect((await engine.query(url, "select id from sluice_objects")).length).toBe(1);
  });

  test("a database that does not wait for its disk is made to, for our changes", async () => {
    const url = await engine.freshUrl();
    await engine.query(url, `alter database ${database(url)} set synchronous_commit = off`);
    await using one = await opened(url);
    await engine.query(
      url,
      `create table seen (setting text);
       create function see() returns trigger language plpgsql as $$
         begin insert into seen values (current_setting('synchronous_commit')); return null; end $$;
       create trigger see after insert on sluice_objects execute function see()`,
    );
    await one.store.apply([put("a", 1)]);
    expect(await engine.query(url, "select setting from seen")).toMatchObject([{ setting: "on" }]);
  });
});
