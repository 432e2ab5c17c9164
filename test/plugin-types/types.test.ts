import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sluiceCommand } from "../kit/sluice.ts";
import { bare, check, type Checked, fixtures, wrongLines } from "./checking.ts";

// The first of them waits for two processes, and the machine may be busy.
setDefaultTimeout(60_000);

/** Far from the checkout, without `node_modules`: as an author's folder lies. */
const folder = mkdtempSync(join(tmpdir(), "sluice-types-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const init = sluiceCommand(["plugin", "init", "."], { cwd: folder });
const checked: Promise<Checked> = init.exited().then(() => {
  for (const [name, source] of fixtures()) writeFileSync(join(folder, name), bare(source));
  return check(folder);
});

describe("in a folder that `sluice plugin init` made", () => {
  test("wrong uses of the contract do not compile", async () => {
    expect((await checked).exitCode).not.toBe(0);
  });

  for (const [name, source] of fixtures()) {
    const wrong = wrongLines(name, source);
    const says = wrong.length === 0 ? "has no type error" : `has its ${wrong.length} type errors, each in its line`;
    test(`${name} ${says}`, async () => {
      const { errors, output } = await checked;
      const found = errors.filter((place) => place.startsWith(`${name}:`));
      expect(found.toSorted(byLine), output).toEqual(wrong);
    });
  }

  test("there is something to check", () => {
    const wrong = [...fixtures()].flatMap(([name, source]) => wrongLines(name, source));
    expect(wrong.length).toBeGreaterThan(60);
    expect([...fixtures().keys()]).toContain("right-uses.ts");
  });
});

function byLine(a: string, b: string): number {
  return Number(a.split(":")[1]) - Number(b.split(":")[1]);
}
