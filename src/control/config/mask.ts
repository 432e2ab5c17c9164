import { KindGuard } from "@sinclair/typebox";
import type { ConfigPath } from "./diagnostics.ts";
import { ItemOf, type AnnotatedSchema } from "./schema-kit.ts";
import { ConfigSchema, type Config } from "./schema.ts";

export const MASK = "***";

/** Keys of free-form maps (a plugin's `with`) that sound like secrets. */
const SOUNDS_SECRET = /secret|token|password|passphrase|credential|private|api-?_?key|^keys?$|authorization|cookie/i;
const USER_INFO = /(\/\/)[^/@\s]*@/g;

/**
 * The effective configuration as it may be shown: what the schema calls secret, what sounds like one, and what stands at `secrets`
 * (what plugins call secret) is masked.
 */
export function maskSecrets(config: Config, secrets: readonly ConfigPath[] = []): Config {
  const masked = mask(ConfigSchema, config) as Config;
  for (const path of secrets) maskAt(masked, path);
  return masked;
}

function maskAt(root: unknown, path: ConfigPath): void {
  const parent = path.slice(0, -1).reduce<unknown>((node, step) => (node as Free | undefined)?.[step], root) as Free;
  const last = path.at(-1) ?? "";
  if (typeof parent === "object" && parent !== null && typeof parent[last] === "string") parent[last] = MASK;
}

type Free = Record<string | number, unknown>;

function mask(schema: AnnotatedSchema | undefined, value: unknown): unknown {
  if (value === null || value === undefined) return value;
  if (schema?.secret) return maskText(value);
  if (schema === undefined || KindGuard.IsUnknown(schema)) return maskFree(value);
  if (Array.isArray(value)) {
    const item = KindGuard.IsUnion(schema) ? branchOf(schema, value) : schema;
    const of = item?.[ItemOf] ?? (item?.items as AnnotatedSchema | undefined);
    return value.map((entry) => mask(of, entry));
  }
  if (KindGuard.IsUnion(schema)) return mask(branchOf(schema, value), value);
  if (typeof value !== "object") return typeof value === "string" ? value.replace(USER_INFO, `$1${MASK}@`) : value;
  return maskMap(schema, value);
}

function maskMap(schema: AnnotatedSchema, value: object): Record<string, unknown> {
  const known = schema.properties as Record<string, AnnotatedSchema> | undefined;
  const free = Object.values((schema.patternProperties ?? {}) as Record<string, AnnotatedSchema>)[0];
  const entries = Object.entries(value).map(([key, inner]) => {
    const isSecretHeader = free !== undefined && typeof inner === "string" && SOUNDS_SECRET.test(key);
    return [key, isSecretHeader ? MASK : mask(known?.[key] ?? free, inner)];
  });
  return Object.fromEntries(entries);
}

function branchOf(schema: AnnotatedSchema, value: unknown): AnnotatedSchema | undefined {
  const branches = schema.anyOf as AnnotatedSchema[];
  const isMap = typeof value === "object" && !Array.isArray(value);
  const wanted = (branch: AnnotatedSchema) =>
    Array.isArray(value) ? KindGuard.IsArray(branch) : KindGuard.IsObject(branch) === isMap;
  return branches.find(wanted);
}

/** An empty secret is worth knowing; a URL keeps everything but its user info. */
function maskText(value: unknown): unknown {
  if (value === "") return "";
  const text = String(value);
  return /^[a-z+]+:/.test(text) && !text.includes("-----BEGIN") ? text.replace(USER_INFO, `$1${MASK}@`) : MASK;
}

/** For what no schema describes: what sounds like a secret is masked, and what stands before an @ in an address. */
export function maskFree(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(maskFree);
  if (typeof value === "string") return value.replace(USER_INFO, `$1${MASK}@`);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, SOUNDS_SECRET.test(key) ? MASK : maskFree(inner)]);
  return Object.fromEntries(entries);
}
