import { createHash } from "node:crypto";
import type { MatchSpec } from "../../model/snapshot-spec.ts";

/** Metric labels and file names hold it; nobody reads more. */
const MAX_LENGTH = 64;
const HASH_LENGTH = 8;

/**
 * The id of a route without a name: host, path and methods, in letters that stand in a label and a URL (`api.example.com-users-all-get`).
 * The same match gives the same id whatever stands around it, so that counters go on across a reload.
 */
export function deriveRouteId(match: MatchSpec, taken: { has(id: string): boolean }): string {
  const plain = bounded(describe(match), match);
  if (!taken.has(plain)) return plain;
  const told = withHash(plain, match);
  let id = told;
  for (let i = 2; taken.has(id); i++) id = `${told}-${i}`;
  return id;
}

function describe({ hosts, path, methods }: MatchSpec): string {
  const parts = [
    ...(hosts[0] === undefined ? [] : [hosts[0].replace(/^\*/, "any")]),
    ...pathWords(path),
    ...methods.map((m) => m.toLowerCase()),
  ];
  return parts.join("-");
}

function pathWords(path: string): string[] {
  if (path === "/") return ["root"];
  const segments = path.slice(1).split("/");
  return segments.map((segment) => (segment === "*" ? "all" : segment)).filter((segment) => segment !== "");
}

function bounded(text: string, match: MatchSpec): string {
  const safe = text
    .replace(/[^A-Za-z0-9._-]+/g, "_")
    .replace(/^_+(?=.)/, "")
    .replaceAll("-_", "-");
  return safe.length > MAX_LENGTH ? withHash(safe, match) : safe;
}

function withHash(id: string, match: MatchSpec): string {
  const hash = createHash("sha256").update(JSON.stringify(match)).digest("hex").slice(0, HASH_LENGTH);
  return `${id.slice(0, MAX_LENGTH - HASH_LENGTH - 1)}-${hash}`;
}
