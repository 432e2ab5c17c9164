import { describe, expect, test } from "bun:test";
import { parseStoreUrl } from "../../src/control/store/store-url.ts";
import { StoreError } from "../../src/control/store/store-error.ts";

const parsed = (text: string) => parseStoreUrl(text, "/srv/sluice");

describe("a store's URL", () => {
  for (const [text, path] of [
    ["sqlite:data/sluice.db", "/srv/sluice/data/sluice.db"],
    ["sqlite://data/sluice.db", "/srv/sluice/data/sluice.db"],
    ["sqlite:./a.db", "/srv/sluice/a.db"],
    ["sqlite:../a.db", "/srv/a.db"],
    ["sqlite:/var/lib/a.db", "/var/lib/a.db"],
    ["sqlite:///var/lib/a.db", "/var/lib/a.db"],
    ["SQLite:we ird%41#'.db", "/srv/sluice/we ird%41#'.db"],
    ["sqlite:file:a.db", "/srv/sluice/file:a.db"],
  ] as const) {
    test(`${text} is the file ${path}`, () => expect(parsed(text)).toEqual({ engine: "sqlite", path }));
  }

  for (const [text, database, shown] of [
    ["postgres://ann:pa%40ss@db:5433/shop", "shop", "postgres://db:5433/shop"],
    ["postgresql://ann@db/shop?sslmode=require", "shop", "postgres://db/shop"],
    ["postgres://db", null, "postgres://db/"],
    ["postgres://ann:pass@[::1]:5432/a%20b", "a b", "postgres://[::1]:5432/a b"],
    ["postgres:///shop?host=/run/postgresql&password=hidden", "shop", "postgres:///run/postgresql/shop"],
    ["postgres://db/?dbname=shop", "shop", "postgres://db/shop"],
  ] as const) {
    test(`${text} is shown as ${shown}`, () =>
      expect(parsed(text)).toMatchObject({ engine: "postgres", database, shown }));
  }

  for (const [text, says] of [
    ["", "names no engine"],
    ["mysql://ann:hidden@db/shop", "names no engine"],
    ["data/sluice.db", "names no engine"],
    ["postgres:db", "names no engine"],
    ["sqlite:", "names no file"],
    ["sqlite://", "names no file"],
    ["sqlite:data/", "names no file"],
    ["sqlite::memory:", "keeps nothing"],
    ["sqlite:a.db?mode=ro", `must have no "?"`],
    ["sqlite:a\0b", "must have no NUL"],
    ["postgres://ann:hid/den@db:x/shop", "written as %40"],
    ["postgres://ann:hidden@db/%zz", "written as %40"],
  ] as const) {
    test(`${JSON.stringify(text)} is refused, and nothing of it is told`, () => {
      const error = (() => {
        try {
          return parsed(text);
        } catch (error) {
          return error;
        }
      })();
      if (!(error instanceof StoreError)) throw error;
      expect(error.code).toBe("invalid");
      expect(error.message).toContain(says);
      expect(error.message).toContain("sqlite:data/sluice.db");
      expect(error.message).not.toContain("hid");
    });
  }
});
