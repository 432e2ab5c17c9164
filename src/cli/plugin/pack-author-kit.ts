import { join } from "node:path";
import { typeFiles } from "./type-files.ts";

/** What the one-file executable cannot read from a checkout. */
export interface PackedKit {
  readonly types: Record<string, string>;
  /** Source of the module that tests of plugins are run with. */
  readonly preload: string;
}

/** Runs while the executable is built. @returns a `PackedKit` as JSON, packed, in base64 */
export function packAuthorKit(): string {
  const preload = join(import.meta.dir, "test-preload.ts");
  // A process of its own: the bundler that runs this waits for it.
  const built = Bun.spawnSync([process.execPath, "build", "--target=bun", preload], { env: process.env });
  if (!built.success) throw new Error(`cannot bundle ${preload}: ${built.stderr.toString()}`);
  const kit: PackedKit = { types: typeFiles(), preload: built.stdout.toString() };
  return Bun.zstdCompressSync(JSON.stringify(kit), { level: 12 }).toString("base64");
}

export function unpackAuthorKit(packed: string): PackedKit {
  return JSON.parse(Bun.zstdDecompressSync(Buffer.from(packed, "base64")).toString()) as PackedKit;
}
