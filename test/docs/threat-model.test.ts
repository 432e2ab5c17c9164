import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./pages.ts";

const PAGE = readFileSync(join(ROOT, "docs", "threat-model.md"), "utf8");

/** `test/FILE` › NAME, until the next one or the end of the cell. */
const TEST = /`(test\/[\w./-]+)` › (.+?)(?=<br>| \||$)/gm;

const NAMED = [...PAGE.matchAll(TEST)].map(([, file, name]) => [file!, name!.trim()] as const);

/** Those of the tables that begin with a threat. */
const ROWS = PAGE.split("\n\n")
  .filter((block) => block.startsWith("| Threat"))
  .flatMap((block) => block.trim().split("\n").slice(2));

test.each(NAMED)("%s has a test called %s", (file, name) => {
  const source = readFileSync(join(ROOT, file), "utf8");
  // As the source writes it: in any quotes, with what is filled in later left as it is.
  const isThere = ['"', "'", "`"].some((quote) => source.includes(`${quote}${name}${quote}`));
  expect(isThere, `${name} is in no quotes in ${file}`).toBe(true);
});

test("every threat is covered by a test, or says that none covers it", () => {
  expect(ROWS.length).toBeGreaterThan(20);
  expect(ROWS.filter((row) => !row.includes("` › ") && !row.includes("no test"))).toEqual([]);
});

test("every file that a row names is one of this repository", () => {
  const files = [...PAGE.matchAll(/`((?:test|src|docs|plugins)\/[\w./-]+)`/g)].map(([, file]) => file!);
  expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});

test("every test file of test/protection stands for a threat", () => {
  const files = readdirSync(join(ROOT, "test", "protection")).filter((name) => name.endsWith(".test.ts"));
  const named = new Set(NAMED.map(([file]) => file));
  expect(files.filter((name) => !named.has(`test/protection/${name}`))).toEqual([]);
});
