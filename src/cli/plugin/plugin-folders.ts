import { dirname, relative, resolve } from "node:path";
import { DiagnosticBag } from "../../control/config/diagnostics.ts";
import { FileAccess } from "../../control/config/file-access.ts";
import { locateConfig } from "../../control/config/locate-config.ts";
import { parseYaml } from "../../control/config/parse-yaml.ts";
import { ConfigSchema, type Config } from "../../control/config/schema.ts";
import { SchemaReader } from "../../control/config/schema-reader.ts";
import { substitute } from "../../control/config/substitute.ts";

/** Where the configuration says that plugins are, absolute; without one, or where it cannot be read, `./plugins`. Never empty. */
export function pluginFolders(configFlag?: string): string[] {
  const file = locateConfig(configFlag, process.env);
  if (file === null) return [resolve("plugins")];
  const files = new FileAccess(dirname(resolve(file)));
  const written = foldersIn(file, files);
  return (written.length > 0 ? written : ["plugins"]).map((folder) => files.resolve(folder));
}

/** What else may be wrong in there is for `sluice check` to say. */
function foldersIn(file: string, files: FileAccess): string[] {
  try {
    const bag = new DiagnosticBag();
    const root = parseYaml(file, files.text(resolve(file)), bag, (scalar) => {
      const result = substitute(scalar, process.env, files);
      return result.ok ? result : null;
    });
    if (root?.kind !== "map") return [];
    const { plugins } = new SchemaReader(bag).read(ConfigSchema, root, []) as Config;
    return (plugins?.dir ?? []).filter((folder) => folder !== undefined);
  } catch {
    return [];
  }
}

/** From where the user stands, if that is shorter to say. */
export function shownPath(path: string): string {
  const near = relative(process.cwd(), path);
  return near === "" ? "." : near.startsWith("..") ? path : near;
}
