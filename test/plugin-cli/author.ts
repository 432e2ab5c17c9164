import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ProxyProcess } from "../kit/proxy-process.ts";
import { ROOT } from "../kit/sluice.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Somebody who writes plugins, in a folder far from the checkout and without `node_modules`. */
export class Author implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "sluice-author-"));
  readonly #command: readonly string[];

  /** @param command Sluice, as it is started. */
  constructor(command: readonly string[] = [process.execPath, join(ROOT, "src/main.ts")]) {
    this.#command = command;
  }

  start(...words: string[]): ProxyProcess {
    return new ProxyProcess([...this.#command, ...words], {
      cwd: this.folder,
      env: { SLUICE_CONFIG: "", NO_COLOR: "1" },
    });
  }

  async sluice(...words: string[]): Promise<Ran> {
    const process = this.start(...words);
    const code = await process.exited();
    return { code, out: process.stdout, err: process.stderr };
  }

  async plugin(...words: string[]): Promise<Ran> {
    return this.sluice("plugin", ...words);
  }

  write(name: string, text: string): void {
    const file = join(this.folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  read(name: string): string {
    return readFileSync(join(this.folder, name), "utf8");
  }

  has(name: string): boolean {
    return existsSync(join(this.folder, name));
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Marks replies with `word`, which a file beside it may say; `types` are right. */
export function marking(word: string): string {
  return `import { definePlugin, t } from "sluice";
import { loud } from "./words/loud.ts";

export default definePlugin({
  name: "mark",
  config: t.Object({ times: t.Integer({ default: 1 }) }),
  setup: ({ config }) => ({
    response: (ctx) => ctx.reply.headers.set("X-Mark", loud("${word}".repeat(config.times))),
  }),
});
`;
}

export const LOUD = 'export const loud = (text: string): string => text + "!";\n';
