import { isIP } from "node:net";
import { isToken } from "../../model/header-map.ts";
import type { FieldMatch, MatchSpec } from "../../model/snapshot-spec.ts";
import { readable, type BuildContext } from "./build-context.ts";
import type { ConfigPath } from "./diagnostics.ts";
import { didYouMean } from "../../contract/edit-distance.ts";
import type { FieldConditionConfig, RouteConfig } from "./schema-routes.ts";
import { headerNameProblem } from "./text-checks.ts";

export function buildMatch(
  route: RouteConfig,
  path: ConfigPath,
  context: BuildContext,
  listeners: ReadonlySet<string>,
): MatchSpec {
  for (const { item, index } of readable(route.listeners)) {
    if (!listeners.has(item)) {
      context.error(
        listPath(path, "listeners", index, context),
        `no listener is called "${item}"`,
        didYouMean(item, listeners),
      );
    }
  }
  for (const key of ["host", "methods", "listeners"] as const) {
    // An empty list could mean any or none; a route that takes everything by accident is the worse of the two.
    if (route[key]?.length === 0) context.error([...path, key], "is an empty list", "leave it out to match any");
  }
  return {
    hosts: [...new Set(readable(route.host).map(({ item }) => plainHost(item)))],
    path: route.path ?? "/*",
    methods: [
      ...new Set(
        readable(route.methods).map(({ item, index }) =>
          method(item, listPath(path, "methods", index, context), context),
        ),
      ),
    ],
    headers: fields(route.headers, [...path, "headers"], context, headerNameProblem).map((field) => ({
      ...field,
      name: field.name.toLowerCase(),
    })),
    query: fields(route.query, [...path, "query"], context, () => null),
    scheme: route.scheme ?? null,
    listeners: readable(route.listeners).map(({ item }) => item),
  };
}

function listPath(path: ConfigPath, key: string, index: number, context: BuildContext): ConfigPath {
  return context.isList([...path, key]) ? [...path, key, index] : [...path, key];
}

function plainHost(host: string): string {
  const lower = host.toLowerCase().replace(/\.$/, "");
  return isIP(lower) === 6 ? `[${lower}]` : lower;
}

function method(name: string, path: ConfigPath, context: BuildContext): string {
  if (!isToken(name)) context.error(path, `${JSON.stringify(name)} is not a method`);
  return name.toUpperCase();
}

function fields(
  conditions: Record<string, FieldConditionConfig> | undefined,
  path: ConfigPath,
  context: BuildContext,
  nameProblem: (name: string) => string | null,
): FieldMatch[] {
  const matches: FieldMatch[] = [];
  for (const [name, condition] of Object.entries(conditions ?? {})) {
    const problem = nameProblem(name);
    if (problem !== null) context.error([...path, name], problem);
    const match = fieldMatch(name, condition);
    if (match !== null) matches.push(match);
  }
  return matches;
}

function fieldMatch(name: string, condition: FieldConditionConfig | undefined): FieldMatch | null {
  if (condition === undefined) return null;
  if (condition === "*") return { name, kind: "present" };
  if (typeof condition === "string") return { name, kind: "equals", value: condition };
  return condition.regex === undefined ? null : { name, kind: "regex", source: condition.regex };
}
