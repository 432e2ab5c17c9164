import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dir, "..", "..");

/** A fenced block: "```yaml mistake" has language `yaml` and mark `mistake`. */
export interface Block {
  readonly language: string;
  readonly mark: string;
  readonly text: string;
  readonly line: number;
}

export interface Page {
  readonly name: string;
  readonly text: string;
  readonly blocks: readonly Block[];
}

/** README.md and every page of docs/. */
export function readPages(): Page[] {
  const docs = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" });
  const names = ["README.md", ...docs.filter((name) => name.endsWith(".md")).map((name) => join("docs", name))];
  return names.sort().map((name) => {
    const text = readFileSync(join(ROOT, name), "utf8");
    return { name, text, blocks: blocksOf(text) };
  });
}

function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const opening = /^```(\w+) ?(.*)$/.exec(lines[at]!);
    if (opening === null) continue;
    const end = lines.indexOf("```", at + 1);
    blocks.push({
      language: opening[1]!,
      mark: opening[2]!.trim(),
      text: `${lines.slice(at + 1, end).join("\n")}\n`,
      line: at + 1,
    });
    at = end;
  }
  return blocks;
}

/** The relative targets of a page's links, without their fragments. */
export function linksOf(page: Page): string[] {
  const targets = [...page.text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!);
  return targets.filter((target) => !/^[a-z]+:/.test(target)).map((target) => target.replace(/#.*$/, ""));
}
