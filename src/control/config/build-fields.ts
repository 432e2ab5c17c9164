import type { BuildContext } from "./build-context.ts";
import type { ConfigPath } from "./diagnostics.ts";
import { settableHeaderProblem } from "./text-checks.ts";

/** A map of header fields to set; values were checked when they were read. */
export function buildFields(
  fields: Record<string, string> | undefined,
  path: ConfigPath,
  context: BuildContext,
): Array<[name: string, value: string]> {
  const built: Array<[string, string]> = [];
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(fields ?? {})) {
    const problem = settableHeaderProblem(name);
    if (problem !== null) context.error([...path, name], problem);
    if (seen.has(name.toLowerCase())) context.error([...path, name], `the header ${name} stands twice in this map`);
    seen.add(name.toLowerCase());
    if (value !== undefined) built.push([name, value]);
  }
  return built;
}
