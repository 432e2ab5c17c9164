/** Writes what is generated from the configuration's schema; `schema-outputs.test.ts` says when that is needed. */
import { join } from "node:path";
import { configJsonSchema } from "../../src/control/config/json-schema.ts";
import { renderSchemaDocs } from "../../src/control/config/schema-docs.ts";

const root = join(import.meta.dir, "..", "..");
const schemaFile = join(root, "config/sluice.schema.json");
await Bun.write(schemaFile, `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
await Bun.write(join(root, "docs/configuration.md"), renderSchemaDocs());
await Bun.$`bun fmt ${schemaFile}`.cwd(root).quiet();
