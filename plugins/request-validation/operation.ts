import type { Cookies, HeaderMap } from "sluice";
import { mediaTypeOf } from "./media-type.ts";
import type { Validate } from "./json-schema.ts";

/** What a request may bring as its body. */
export interface BodyRule {
  readonly required: boolean;
  /** By content type, wildcards too; in the order in which they are tried. null: any body of that type. */
  readonly content: ReadonlyArray<readonly [type: string, validate: Validate | null]>;
}

/** Fields of one place, read and checked. */
export interface FieldRule {
  readonly validate: Validate;
  read(from: FieldSource): unknown;
}

export interface FieldSource {
  readonly query: URLSearchParams;
  readonly headers: HeaderMap;
  readonly cookies: Cookies;
  readonly params: Readonly<Record<string, string>>;
}

/** What a request must look like, and its replies. */
export interface Operation {
  readonly fields: readonly FieldRule[];
  /** null: whatever comes. */
  readonly body: BodyRule | null;
  /** By content type for a status; null where nothing is said. */
  responseFor(status: number): BodyRule["content"] | null;
}

/** The rule for what `contentType` is, or undefined where the type is not among them. */
export function ruleFor(content: BodyRule["content"], contentType: string): Validate | null | undefined {
  const given = mediaTypeOf(contentType);
  return content.find(([pattern]) => fitsType(given, pattern))?.[1];
}

// `application/json`, `application/*`, any type, `application/*+json`.
function fitsType(given: string, pattern: string): boolean {
  const wanted = mediaTypeOf(pattern);
  if (wanted === given || wanted === "*/*") return true;
  const star = wanted.indexOf("*");
  if (star < 0) return false;
  const [before, after] = [wanted.slice(0, star), wanted.slice(star + 1)];
  return given.length > before.length + after.length && given.startsWith(before) && given.endsWith(after);
}
