import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ERROR_KINDS, failureOf } from "../../src/model/gateway-error.ts";
import { ROOT } from "./pages.ts";

test("docs/errors.md has every code once, with its status", () => {
  const page = readFileSync(join(ROOT, "docs", "errors.md"), "utf8");
  const rows = [...page.matchAll(/^\| `(\w+)` +\| (\d+) +\|/gm)].map(([, code, status]) => `${code} ${status}`);
  expect(rows.sort()).toEqual(ERROR_KINDS.map((kind) => `${kind} ${failureOf(kind).status}`).sort());
});
