import { MASK, maskFree } from "../config/mask.ts";
import type { AdminPorts } from "./admin-ports.ts";
import type { JsonObject } from "./body.ts";

const SECTIONS = { route: "routes", upstream: "upstreams" } as const;

/** A stored object as it was given, without what the effective configuration masks: it can be sent back, new secrets filled in. */
export function shownStored(kind: keyof typeof SECTIONS, id: string, value: unknown, ports: AdminPorts): unknown {
  const entry = entryOf(kind, id, ports);
  const shown = entry === null ? maskFree(value) : maskLike(value, entry);
  return withoutUnread(shown as JsonObject);
}

/** As the configuration has it, masked; null: it is not there. */
export function entryOf(kind: keyof typeof SECTIONS, id: string, { config }: AdminPorts): JsonObject | null {
  const entries = (config[SECTIONS[kind]] ?? []) as ReadonlyArray<JsonObject | undefined>;
  return entries.find((entry) => entry?.name === id) ?? null;
}

/** Durations and sizes stay as they were written; places are the same in both. */
function maskLike(given: unknown, masked: unknown): unknown {
  if (typeof masked === "string" && masked.includes(MASK)) return masked;
  if (Array.isArray(given)) return given.map((item, i) => maskLike(item, Array.isArray(masked) ? masked[i] : masked));
  if (typeof given !== "object" || given === null)
    return Array.isArray(masked) && masked.length === 1 ? maskLike(given, masked[0]) : given;
  const like = (Array.isArray(masked) ? masked[0] : masked) as JsonObject | null | undefined;
  const entries = Object.entries(given).map(([key, inner]) => [key, maskLike(inner, like?.[key])]);
  return Object.fromEntries(entries);
}

/** What a plugin calls secret is known once it has read its configuration; where it is switched off, nobody knows. */
function withoutUnread(route: JsonObject): JsonObject {
  if (!Array.isArray(route.plugins)) return route;
  const plugins = route.plugins.map((use: JsonObject | string) => {
    if (typeof use === "string" || use.with === undefined) return use;
    return route.enabled === false || use.enabled === false ? { ...use, with: MASK } : use;
  });
  return { ...route, plugins };
}

/** Somebody sends back what was shown. */
export function holdsMask(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.values(value).some(holdsMask);
  return typeof value === "string" && (value === MASK || value.includes(`//${MASK}@`));
}
