import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ownCommand } from "../../own-command.ts";
import type { PackedKit } from "./pack-author-kit.ts";

/** Is this the one-file executable, without sources beside it? */
export function isExecutable(): boolean {
  return ownCommand().length === 1;
}

/** The files of `.sluice/`, by path. @throws Error where a checkout lacks its packages */
export async function authorTypes(): Promise<Record<string, string>> {
  return isExecutable() ? (await packedKit()).types : (await import("./type-files.ts")).typeFiles();
}

/** A module that makes "sluice" and "sluice/testing" known to `bun test`; dispose of it when done. */
export async function testPreload(): Promise<Disposable & { readonly file: string }> {
  if (!isExecutable()) return { file: join(import.meta.dir, "test-preload.ts"), [Symbol.dispose]: () => undefined };
  const folder = mkdtempSync(join(tmpdir(), "sluice-test-kit-"));
  const file = join(folder, "sluice.js");
  writeFileSync(file, (await packedKit()).preload, { mode: 0o600 });
  return { file, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

async function packedKit(): Promise<PackedKit> {
  const { unpackAuthorKit } = await import("./pack-author-kit.ts");
  return unpackAuthorKit((await import("./packed-author-kit.ts")).PACKED_AUTHOR_KIT);
}
