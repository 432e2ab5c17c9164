import type { JsonObject } from "./body.ts";
import { Problem } from "./problem.ts";

/** As configurations have them, and none that a URL would swallow. */
const NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/;

export function isName(text: string): boolean {
  return NAME.test(text);
}

/** @throws Problem */
function checkedName(name: unknown): string {
  if (typeof name === "string" && isName(name)) return name;
  const given = JSON.stringify(name).slice(0, 120);
  const detail = `a name has letters, digits, dot, dash and underscore, at most 100, and is not ${given}`;
  throw new Problem(422, "invalid_configuration", { detail });
}

/** What a body asks to be called, as `id` or as `name`; null: it does not say. @throws Problem */
export function givenName({ id = null, name = null }: JsonObject): string | null {
  const given = id ?? name;
  if (given === null) return null;
  if (name !== null && name !== given)
    throw new Problem(422, "invalid_configuration", { detail: "id and name are the same, and here they differ" });
  return checkedName(given);
}
