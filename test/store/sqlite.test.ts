import { describe } from "bun:test";
import { audit, migrations } from "./audit-cases.ts";
import { sqliteEngine } from "./engines.ts";
import { storeCases } from "./store-cases.ts";

describe("a store in SQLite", () => {
  const engine = sqliteEngine();
  storeCases(engine);
  audit(engine);
  migrations(engine);
});
