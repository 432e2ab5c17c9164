import { describe, expect, test } from "bun:test";
import { cpSync, existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { formatDiagnostic } from "../../src/control/config/diagnostics.ts";
import { loadConfig } from "../../src/control/config/load-config.ts";
import { plugins, tempFolder, writeIn } from "../config/config-files.ts";
import { type Block, linksOf, readPages, ROOT } from "./pages.ts";

/** Written by `bun run bench`, so not in every tree. */
const GENERATED = new Set(["bench/RESULTS.md"]);
/** What may be run by a test: it neither serves nor signals. */
const SAFE = /^(?:bun )?sluice (?:check|explain|schema|init|version|help)\b/;

const PAGES = readPages();

function isConfiguration({ language, mark, text }: Block): boolean {
  return language === "yaml" && mark !== "fragment" && /^[a-z]\w*:/im.test(text);
}

async function problemsOf(yaml: string): Promise<string[]> {
  const loaded = await loadConfig(writeIn(tempFolder(), "sluice.yaml", yaml), {
    env: { SLUICE_ADMIN_TOKEN: "one-of-yours" },
    plugins,
  });
  return loaded.ok ? [] : loaded.errors.map(formatDiagnostic);
}

describe.each(PAGES.map((page) => [page.name, page] as const))("%s", (name, page) => {
  const configurations = page.blocks.filter(isConfiguration);
  if (configurations.length > 0) {
    test("every configuration loads, and every mistake is one", async () => {
      for (const { mark, text, line } of configurations) {
        const problems = await problemsOf(text);
        if (mark === "mistake") expect(problems, `${name}:${line}`).not.toEqual([]);
        else expect(problems, `${name}:${line}`).toEqual([]);
      }
    });
  }

  if (page.blocks.some(({ language, mark }) => language === "sh" && mark !== "skip")) {
    test("every command runs, and prints what the page says", async () => {
      const runner = new PageRunner();
      for (const [at, block] of page.blocks.entries()) {
        if (isConfiguration(block)) runner.save(block);
        if (block.language !== "sh" || block.mark === "skip") continue;
        const printed = await runner.run(block, `${name}:${block.line}`);
        const shown = page.blocks[at + 1];
        if (shown?.language === "text") expect(printed, `${name}:${shown.line}`).toBe(shown.text);
      }
    }, 60_000);
  }

  test("every link leads somewhere", async () => {
    const folder = dirname(name);
    const broken = linksOf(page).filter((link) => {
      const target = join(folder, link);
      return link !== "" && !GENERATED.has(target) && !existsSync(join(ROOT, target));
    });
    expect(broken).toEqual([]);
  });
});

/** A folder such as the page's reader has: the last configuration that was shown, where the commands look for it. */
class PageRunner {
  readonly #folder = tempFolder();
  #place = "sluice.yaml";
  #exit = 0;

  constructor() {
    cpSync(join(ROOT, "config", "sluice.yaml"), join(this.#folder, this.#place));
  }

  save({ text, mark }: Block): void {
    writeFileSync(join(this.#folder, this.#place), text);
    this.#exit = mark === "mistake" ? 1 : 0;
  }

  /** @returns what the block's commands print, as a reader in a checkout sees it: `config/sluice.yaml` for `bun sluice`. */
  async run({ text }: Block, where: string): Promise<string> {
    let printed = "";
    for (const command of text.trim().split("\n")) {
      expect(command, `${where} is not safe to run: mark it "sh skip"`).toMatch(SAFE);
      const main = `"${process.execPath}" "${join(ROOT, "src", "main.ts")}"`;
      const inCheckout = command.startsWith("bun ");
      const line = command.replace(/^(?:bun )?sluice/, () => main);
      const child = Bun.spawn(["sh", "-c", `${line} 2>&1`], {
        cwd: this.#folder,
        env: { ...process.env, SLUICE_CONFIG: "" },
        stdin: "ignore",
        stdout: "pipe",
      });
      const output = await new Response(child.stdout).text();
      expect(await child.exited, `${where}: ${command}\n${output}`).toBe(this.#exit);
      printed += inCheckout ? output.replace(/^sluice\.yaml/gm, "config/sluice.yaml") : output;
    }
    return printed;
  }
}
