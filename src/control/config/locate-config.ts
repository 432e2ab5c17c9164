import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "./substitute.ts";

const PLACES = ["sluice.yaml", join("config", "sluice.yaml")];

/**
 * Which file to load: the flag's, `$SLUICE_CONFIG`'s, `./sluice.yaml`, `config/sluice.yaml`. A file that was asked for is taken
 * as it is, there or not: silently serving another one would be worse than the error. null: nothing was found.
 */
export function locateConfig(
  flag: string | undefined,
  env: Environment,
  folder: string = process.cwd(),
): string | null {
  if (flag !== undefined) return flag;
  const named = env.SLUICE_CONFIG;
  if (named !== undefined && named !== "") return named;
  return PLACES.find((place) => existsSync(join(folder, place))) ?? null;
}

export const NO_CONFIG =
  "no configuration: give --config FILE, set SLUICE_CONFIG, or run `sluice init` to write sluice.yaml";
