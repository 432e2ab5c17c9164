import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const DEBIAN = "/usr/lib/postgresql";

/** Where PostgreSQL's programs are and who may run them, or why there are none, for people. */
export type FoundPostgres =
  | { readonly folder: string; readonly owner: { readonly uid: number; readonly gid: number } | null }
  | { readonly missing: string };

/** Looks in PATH, then where Debian puts what is not meant for PATH, newest first. */
export function findPostgres(path = process.env.PATH ?? "", debian = DEBIAN): FoundPostgres {
  const folder = folders(path, debian).find((folder) => {
    return ["postgres", "initdb"].every((name) => existsSync(join(folder, name)));
  });
  if (folder === undefined) return { missing: "postgresql is not installed" };
  if (process.getuid?.() !== 0) return { folder, owner: null };
  // PostgreSQL refuses to run as root.
  const owner = user("postgres") ?? user("nobody");
  return owner === null ? { missing: "there is no user to run postgres as" } : { folder, owner };
}

function folders(path: string, debian: string): string[] {
  const inPath = Bun.which("initdb", { PATH: path });
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = versions.map((version) => join(debian, version, "bin"));
  return inPath === null ? folders : [join(inPath, ".."), ...folders];
}

function user(name: string): { uid: number; gid: number } | null {
  for (const line of readFileSync("/etc/passwd", "utf8").split("\n")) {
    const [is, , uid, gid] = line.split(":");
    if (is === name) return { uid: Number(uid), gid: Number(gid) };
  }
  return null;
}
