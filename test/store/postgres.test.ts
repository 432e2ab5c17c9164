import { describeWithPostgres } from "../kit/postgres-server.ts";
import { audit, migrations } from "./audit-cases.ts";
import { postgresEngine } from "./engines.ts";
import { storeCases } from "./store-cases.ts";

describeWithPostgres("a store in PostgreSQL", () => {
  const engine = postgresEngine();
  storeCases(engine);
  audit(engine);
  migrations(engine);
});
