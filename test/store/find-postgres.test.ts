import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findPostgres } from "../kit/find-postgres.ts";

const SH = "#!/bin/sh\n";

describe("a PostgreSQL for tests", () => {
  let folder: string;
  let debian: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sluice-path-"));
    debian = join(folder, "postgresql");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const programsIn = (folder: string) => {
    mkdirSync(folder, { recursive: true });
    for (const one of ["postgres", "initdb"]) writeFileSync(join(folder, one), SH, { mode: 0o755 });
  };

  test("is the one in PATH, else the newest that Debian has", () => {
    for (const name of ["9.6", "13", "15"]) programsIn(join(debian, name, "bin"));
    expect(findPostgres(folder, debian)).toMatchObject({ folder: join(debian, "15", "bin") });
    programsIn(folder);
    expect(findPostgres(folder, debian)).toMatchObject({ folder });
  });

  test("is missing where there is none", () => {
    expect(findPostgres(folder, debian)).toEqual({ missing: "postgresql is not installed" });
  });
});
