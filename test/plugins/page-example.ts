import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { ROOT } from "../kit/sluice.ts";

/** A plugin's use somewhere in a configuration: `{ use: NAME, with: … }`. */
interface Use {
  readonly use: string;
  readonly with?: unknown;
}

/**
 * The `with:` of the first use of `plugin` in the first YAML example of `docs/plugins/NAME.md`, so that a page shows nothing that
 * was not tried.
 */
export function pageExample(plugin: string): unknown {
  const page = readFileSync(join(ROOT, "docs/plugins", `${plugin}.md`), "utf8");
  const block = /^```yaml\n([\s\S]*?)^```/m.exec(page)?.[1];
  if (block === undefined) throw new Error(`docs/plugins/${plugin}.md has no YAML example`);
  const use = findUse(parse(block), plugin);
  if (use === null) throw new Error(`the example of docs/plugins/${plugin}.md does not use ${plugin}`);
  return use.with ?? {};
}

function findUse(node: unknown, plugin: string): Use | null {
  if (typeof node !== "object" || node === null) return null;
  if ("use" in node && node.use === plugin) return node as Use;
  for (const child of Object.values(node)) {
    const found = findUse(child, plugin);
    if (found !== null) return found;
  }
  return null;
}
