import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { formatDiagnostic } from "../../src/control/config/diagnostics.ts";
import { loadConfig } from "../../src/control/config/load-config.ts";
import { plugins, writeIn } from "../config/config-files.ts";
import { readPages, ROOT } from "../docs/pages.ts";

/** The blocks of docs/plugins.md, in the files that the page says they are. */
const page = readPages().find(({ name }) => name === join("docs", "plugins.md"))!;
const files = page.blocks.flatMap(({ language, text }) => {
  const name = /^\/\/ (plugins\/[\w-]+(?:\.test)?\.ts)\n/.exec(text)?.[1];
  return language === "ts" && name !== undefined ? [{ name, text }] : [];
});
const configurations = page.blocks.filter(({ language }) => language === "yaml");

// In the checkout, because there `sluice` resolves.
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(ROOT, "test", "plugins", ".guide-"));
  for (const { name, text } of files) writeIn(folder, name, text);
  writeIn(folder, "tsconfig.json", JSON.stringify({ extends: "../../../tsconfig.json", include: ["**/*.ts"] }));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(...command: string[]): Promise<{ exit: number; output: string }> {
  const child = Bun.spawn([process.execPath, ...command], {
    cwd: folder,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { exit: await child.exited, output: out + err };
}

describe("docs/plugins.md", () => {
  test("shows every TypeScript file with its name, and every recipe with its test", () => {
    expect(files.length).toBe(page.blocks.filter(({ language }) => language === "ts").length);
    expect(files.filter(({ name }) => name.endsWith(".test.ts")).length).toBeGreaterThanOrEqual(4);
  });

  test("shows plugins and tests that type-check", async () => {
    const { output } = await run("check", "--project", join(folder, "tsconfig.json"));
    expect(output).toMatch(/No type errors in|Found \d+ error/);
    // The product's own mistakes are told elsewhere.
    expect(output.split("\n").filter((line) => /^plugins\/.*error TS/.test(line))).toEqual([]);
  }, 30_000);

  test("shows tests that pass", async () => {
    const { exit, output } = await run("test", folder);
    expect(exit, output).toBe(0);
    const written = files.reduce((sum, { text }) => sum + text.split("\ntest(").length - 1, 0);
    expect(output).toContain(` ${written} pass`);
  }, 30_000);

  test("shows configurations that load with these plugins", async () => {
    expect(configurations.length).toBeGreaterThanOrEqual(4);
    for (const { text, line } of configurations) {
      const loaded = await loadConfig(writeIn(folder, "sluice.yaml", text), { env: {}, plugins });
      expect(loaded.ok ? [] : loaded.errors.map(formatDiagnostic), `docs/plugins.md:${line}`).toEqual([]);
    }
  }, 30_000);

  test("lists every plugin that ships, and none that does not", async () => {
    const scan = (pattern: string) => [...new Bun.Glob(pattern).scanSync(join(ROOT, "plugins"))];
    const found = [...scan("*.ts"), ...scan("*/index.ts")];
    const shipped = found.map((file) => file.replace(/(\/index)?\.ts$/, "")).sort();
    const listed = [...page.text.matchAll(/\]\(plugins\/([\w-]+)\.md\)/g)].map((match) => match[1]!).sort();
    expect(listed).toEqual(shipped);
  });
});
