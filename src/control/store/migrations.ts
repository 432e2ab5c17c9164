import type { Database, Run } from "./database.ts";
import { StoreError } from "./store-error.ts";

/** The statements of one step, for every engine. */
export type Migration = readonly string[];

/** Each leads from the version before to the next one. What has been released is never changed: add one. */
const MIGRATIONS: readonly Migration[] = [
  [
    // `value` null: it was deleted. Its revision is kept, so that an object made anew is never taken for the old one.
    `CREATE TABLE sluice_objects (
       seq BIGINT PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, value TEXT,
       revision BIGINT NOT NULL, updated_at BIGINT NOT NULL, UNIQUE (kind, id))`,
    `CREATE INDEX sluice_objects_deleted ON sluice_objects (seq) WHERE value IS NULL`,
    `CREATE TABLE sluice_audit (
       id BIGINT PRIMARY KEY, at BIGINT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
       target TEXT NOT NULL, detail TEXT NOT NULL)`,
  ],
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** Brings the tables to this version, in one transaction. @returns the version that they had @throws StoreError */
export async function migrate(database: Database, migrations = MIGRATIONS): Promise<number> {
  const latest = migrations.length;
  const { findSchema, lockSchema } = database.dialect;
  const found = await database.read(async (run) => ((await run(findSchema)).length === 0 ? 0 : versionOf(run)));
  if (found > latest) throw wrongSchema(database.shown, found);
  if (found === latest) return found;
  return database.write(async (run) => {
    for (const statement of lockSchema) await run(statement);
    await run("CREATE TABLE IF NOT EXISTS sluice_schema (version BIGINT NOT NULL, checked_at BIGINT NOT NULL)");
    await run("INSERT INTO sluice_schema SELECT 0, 0 WHERE NOT EXISTS (SELECT 1 FROM sluice_schema)");
    // Somebody else may have been faster.
    const version = await versionOf(run);
    if (version > latest) throw wrongSchema(database.shown, version);
    for (const statement of migrations.slice(version).flat()) await run(statement);
    await run("UPDATE sluice_schema SET version = $1", [latest]);
    return version;
  });
}

/**
 * In a write: waits for other writers, and keeps them waiting until this one ends.
 * @throws StoreError when a newer Sluice has changed the tables meanwhile
 */
export async function lockForWriting(run: Run, { dialect, shown }: Database): Promise<void> {
  const [row] = await run(`SELECT version FROM sluice_schema${dialect.forUpdate}`);
  const version = Number(row?.version);
  if (version !== SCHEMA_VERSION) throw wrongSchema(shown, version);
}

async function versionOf(run: Run): Promise<number> {
  const [row] = await run("SELECT version FROM sluice_schema");
  return Number(row?.version ?? 0);
}

function wrongSchema(shown: string, version: number): StoreError {
  const says = `${shown} has schema ${version}, and this Sluice knows ${SCHEMA_VERSION}`;
  const todo = "start the newer Sluice that wrote it, or restore a backup from before it did; nothing was changed";
  return new StoreError("unknown_schema", `${says}: ${todo}`);
}
