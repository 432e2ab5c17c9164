import manifest from "../../package.json" with { type: "json" };
import type { Io } from "../main.ts";

export const VERSION = manifest.version;

export function run(_args: string[], io: Io): number {
  io.out(`sluice ${VERSION} (bun ${Bun.version})`);
  return 0;
}
