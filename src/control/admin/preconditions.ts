import type { StoredObject } from "../store/store.ts";

/** What a write asks for beside the object. */
export interface WriteContext {
  readonly actor: string;
  readonly dryRun: boolean;
  readonly ifMatch: string | null;
  readonly ifNoneMatch: string | null;
}

/** No object has it. */
const NEVER = -1;

export function etagOf({ revision }: StoredObject): string {
  return `"${revision}"`;
}

/** RFC 9110 §13.1. @returns the revision that a change is for; 0: none may be there; null: any */
export function revisionFor({ ifMatch, ifNoneMatch }: WriteContext, stored: StoredObject | null): number | null {
  if (ifMatch !== null && !matches(ifMatch, stored)) return NEVER;
  if (ifNoneMatch !== null && matches(ifNoneMatch.replaceAll("W/", ""), stored)) return NEVER;
  // What was looked at must still be so when it is changed.
  return isConditional({ ifMatch, ifNoneMatch }) ? (stored?.revision ?? 0) : null;
}

/** Was there a condition, so that a conflict is its failure? */
export function isConditional({ ifMatch, ifNoneMatch }: Pick<WriteContext, "ifMatch" | "ifNoneMatch">): boolean {
  return ifMatch !== null || ifNoneMatch !== null;
}

function matches(tags: string, stored: StoredObject | null): boolean {
  if (stored === null) return false;
  return tags.trim() === "*" || tags.split(",").some((tag) => tag.trim() === etagOf(stored));
}
