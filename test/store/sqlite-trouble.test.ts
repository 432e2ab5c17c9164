import { describe, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { crashCases } from "./crash-cases.ts";
import { failure, opened, put, SHORT_PATIENCE, sqliteEngine } from "./engines.ts";

const ROOT = process.getuid?.() === 0;
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

describe("a store in SQLite", () => {
  const engine = sqliteEngine();
  const fresh = async () => {
    const url = await engine.freshUrl();
    return { url, path: url.slice("sqlite:".length) };
  };

  crashCases(engine);

  test("is made with its folders, for its owner only, from the given folder on", async () => {
    const { path } = await fresh();
    const folder = dirname(path);
    await using one = await opened("sqlite:deep/er/sluice.db", { folder });
    await one.store.apply([put("a", 1)]);
    const file = join(folder, "deep", "er", "sluice.db");
    expect([join(folder, "deep"), dirname(file)].map(mode)).toEqual(["700", "700"]);
    expect(["", "-wal", "-shm"].map((end) => mode(file + end))).toEqual(["600", "600", "600"]);
    expect(one.said).toEqual([`made the tables of the store ${file}`]);
  });

  test("warns when others may read it, and leaves that as it is", async () => {
    const { url, path } = await fresh();
    await (await opened(url)).store.close();
    chmodSync(path, 0o644);
    await using one = await opened(url);
    expect(one.said).toEqual([`the store ${path} is open to other users of this machine (mode 644): chmod 600 it`]);
    expect(mode(path)).toBe("644");
  });

  test("keeps each change on the disk before it says so: a write-ahead log that is synced every time", async () => {
    const { url, path } = await fresh();
    await using one = await opened(url);
    await one.store.apply([put("a", 1)]);
    // What stands in the files now is all that a crash leaves.
    const copy = join(dirname(path), "copy.db");
    for (const end of ["", "-wal"]) copyFileSync(path + end, copy + end);
    await using two = await opened(`sqlite:${copy}`);
    expect((await two.store.get("route", "a"))!.value).toBe(1);
  });

  describe("refuses, with what to do and without touching it,", () => {
    const refused = async (path: string) => {
      const before = readFileSync(path);
      const error = await failure(opened(`sqlite:${path}`));
      expect(readFileSync(path).equals(before)).toBe(true);
      expect(error.code).toBe("damaged");
      expect(error.message).toStartWith(`the store ${path} is damaged or no SQLite database (`);
      expect(error.message).toContain("restore a backup");
    };

    /** Larger than a few pages, all of it in one file. */
    const filled = async () => {
      const { url, path } = await fresh();
      await using one = await opened(url);
      const value = "x".repeat(500);
      await one.store.apply(Array.from({ length: 200 }, (_, i) => put(`r${i}`, value)));
      return path;
    };

    test("a file that is no database", async () => {
      const { path } = await fresh();
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, "listeners: [{ port: 8080 }]\n".repeat(100));
      await refused(path);
    });

    test("one with pages that were overwritten", async () => {
      const path = await filled();
      const bytes = readFileSync(path);
      for (let at = 3 * 4096; at < bytes.length; at += 8192) bytes.fill(0xa5, at, at + 2048);
      writeFileSync(path, bytes);
      await refused(path);
    });

    test("one whose end is missing", async () => {
      const path = await filled();
      truncateSync(path, Math.floor(statSync(path).size / 2));
      await refused(path);
    });

    test("one whose index lacks a row", async () => {
      const path = await filled();
      const bytes = readFileSync(path);
      // In the index, no value follows the id.
      const at = bytes.toString("latin1").search(/router150(?!"x)/);
      expect(at).toBeGreaterThan(0);
      bytes.write("router15z", at);
      writeFileSync(path, bytes);
      await refused(path);
    });
  });

  for (const [what, name] of [
    ["a folder", ""],
    ["a file where a folder should be", "file/sluice.db"],
    ["a link that leads nowhere", "link"],
  ] as const) {
    test(`says what to do about ${what}`, async () => {
      const folder = join(dirname((await fresh()).path), "f");
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "file"), "");
      symlinkSync("/nowhere/at/all", join(folder, "link"));
      const path = join(folder, name);
      const error = await failure(opened(`sqlite:${path}`));
      expect([error.code, error.message]).toEqual([
        "unwritable",
        expect.stringContaining(`the store ${path} cannot be `),
      ]);
    });
  }

  test("says what to do where it may not write", async () => {
    const { url, path } = await fresh();
    await (await opened(url)).store.close();
    const folder = dirname(path);
    const asOther = async (target: string) => {
      const code = `
        const { openStore } = await import(${JSON.stringify(join(import.meta.dir, "../../src/control/store/open-store.ts"))});
        ${ROOT ? "process.setgid(65534); process.setuid(65534);" : ""}
        await openStore({ url: ${JSON.stringify(target)}, now: Date.now, log: () => undefined }).catch((error) =>
          console.log(error.code + ": " + error.message));`;
      const child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe", stderr: "inherit" });
      return (await new Response(child.stdout).text()).trim();
    };
    if (ROOT) chownSync(path, 65534, 65534);
    chmodSync(engine.folder(), 0o755);
    chmodSync(folder, 0o555);
    try {
      expect(await asOther(`sqlite:${folder}/new/sluice.db`)).toMatch(
        /^unwritable: .* cannot be made: EACCES; let the user/,
      );
      expect(await asOther(`sqlite:${folder}/other.db`)).toMatch(
        /^unwritable: .* cannot be made: EACCES; let the user/,
      );
      expect(await asOther(url)).toMatch(/^unwritable: .* cannot be written \(.*look at who owns them/);
      chmodSync(folder, 0o777);
      chmodSync(path, 0o444);
      expect(await asOther(url)).toMatch(/^unwritable: .* cannot be written \(.*look at who owns them/);
    } finally {
      chmodSync(folder, 0o700);
    }
  });

  describe("while another program is in the middle of a change,", () => {
    test("waits for it without stopping anything else, and reads on", async () => {
      const { url, path } = await fresh();
      await using one = await opened(url);
      await one.store.apply([put("a", 1)]);
      using other = new Database(path);
      other.run("BEGIN IMMEDIATE");
      let isDone = false;
      const write = one.store.apply([put("a", 2)]).then(() => (isDone = true));
      for (let turn = 0; turn < 10; turn++) {
        expect((await one.store.get("route", "a"))!.value).toBe(1);
        await Bun.sleep(1);
      }
      expect(isDone).toBe(false);
      other.run("ROLLBACK");
      await write;
      expect((await one.store.get("route", "a"))!.value).toBe(2);
    });

    test("does not wait for ever, and goes on afterwards", async () => {
      const { url, path } = await fresh();
      await using one = await opened(url, { patience: SHORT_PATIENCE });
      using other = new Database(path);
      other.run("BEGIN IMMEDIATE");
      const error = await failure(one.store.apply([put("a", 1)]));
      expect([error.code, error.message]).toEqual([
        "unavailable",
        expect.stringContaining(`${path} is locked by another`),
      ]);
      expect((await failure(one.store.check())).code).toBe("unavailable");
      other.run("ROLLBACK");
      await one.store.check();
      await one.store.apply([put("a", 1, 0)]);
    });
  });

  test("acknowledges nothing once its file was deleted, moved or replaced", async () => {
    const { url, path } = await fresh();
    await using one = await opened(url);
    await one.store.apply([put("a", 1)]);
    const refuses = async (says: string) => {
      for (const call of [() => one.store.apply([put("a", 2)]), () => one.store.check()]) {
        expect(await failure(call())).toMatchObject({ code: "unwritable", message: expect.stringContaining(says) });
      }
    };
    renameSync(path, `${path}.moved`);
    await refuses("was deleted or moved while it is in use: restart Sluice");
    writeFileSync(path, "");
    await refuses("was replaced by another file while it is in use");
    rmSync(path);
    renameSync(`${path}.moved`, path);
    await one.store.apply([put("a", 2)]);
    expect(existsSync(path)).toBe(true);
  });
});
