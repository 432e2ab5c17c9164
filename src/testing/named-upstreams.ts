import type { TSchema } from "@sinclair/typebox";

/** Every upstream that a configuration names in a `t.Upstream()` field: the test has them all. */
export function namedUpstreams(schema: TSchema, value: unknown): string[] {
  if (schema["x-sluice"] === "upstream") return typeof value === "string" ? [value] : [];
  const branches = (schema.anyOf ?? schema.allOf ?? []) as TSchema[];
  const found = branches.flatMap((branch) => namedUpstreams(branch, value));
  if (typeof value !== "object" || value === null) return found;
  const properties = (schema.properties ?? {}) as Record<string, TSchema>;
  const patterns = Object.values((schema.patternProperties ?? {}) as Record<string, TSchema>);
  for (const [key, entry] of Object.entries(value)) {
    const field = Array.isArray(value) ? (schema.items as TSchema | undefined) : (properties[key] ?? patterns[0]);
    if (field !== undefined) found.push(...namedUpstreams(field, entry));
  }
  return found;
}
