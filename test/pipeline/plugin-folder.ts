import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder with plugin files, somewhere without `node_modules`. */
export class PluginFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "sluice-plugins-"));

  /** `hooks` is the inside of what `setup` returns; `before` stands before it, in `setup`. */
  write(name: string, hooks: string, before = ""): void {
    this.save(
      `${name}.ts`,
      `import { definePlugin, t } from "sluice";
export default definePlugin({
  name: "${name}",
  config: t.Object({}),
  setup({ log, signal, kv, cache, every, metrics, fetch }) {
    void [log, signal, kv, cache, every, metrics, fetch];
    ${before}
    return { ${hooks} };
  },
});
`,
    );
  }

  /** As editors do: a new file takes the name. */
  save(file: string, text: string): void {
    writeFileSync(join(this.path, `.${file}.tmp`), text);
    renameSync(join(this.path, `.${file}.tmp`), join(this.path, file));
  }

  remove(file: string): void {
    rmSync(join(this.path, file));
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
