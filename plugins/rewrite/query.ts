import { compileTemplate, type Template, type TemplateSource, urlSafe } from "../headers/template.ts";

export interface QueryRules {
  readonly remove?: readonly string[];
  readonly rename?: Readonly<Record<string, string>>;
  readonly set?: Readonly<Record<string, string>>;
  readonly add?: Readonly<Record<string, string | readonly string[]>>;
}

/** A parameter; `raw` is as it came, so that nobody's encoding changes but of what is touched. */
interface Pair {
  readonly name: string;
  readonly raw: string;
}

export type QueryRewrite = (query: string, source: TemplateSource) => string;

/** remove → rename → set → add; `query` comes and goes without "?". @throws Error for what cannot work */
export function compileQueryRules(rules: QueryRules, matched: boolean): QueryRewrite {
  const removed = (rules.remove ?? []).map(nameTest);
  const renamed = new Map(Object.entries(rules.rename ?? {}));
  const templates = (of: QueryRules["add"]): Array<readonly [string, Template]> =>
    Object.entries(of ?? {}).flatMap(([name, values]) =>
      [values].flat().map((value) => [name, compileTemplate(value as string, { matched })] as const),
    );
  const set = templates(rules.set);
  const added = templates(rules.add);
  return (query, source) => {
    let pairs = parse(query).filter(({ name }) => !removed.some((test) => test(name)));
    pairs = pairs.map((pair) => rename(pair, renamed));
    for (const [name, template] of set) pairs = replaceAll(pairs, name, template.value(source));
    for (const [name, template] of added) {
      const value = template.value(source);
      if (value !== null) pairs.push(pairOf(name, value));
    }
    return pairs.map(({ raw }) => raw).join("&");
  };
}

function nameTest(pattern: string): (name: string) => boolean {
  if (pattern === "") throw new Error(`query.remove: "" is no name`);
  if (!pattern.endsWith("*")) return (name) => name === pattern;
  const prefix = pattern.slice(0, -1);
  return (name) => name.startsWith(prefix);
}

function parse(query: string): Pair[] {
  if (query === "") return [];
  return query.split("&").map((raw) => ({ name: decoded(raw.split("=", 1)[0]!), raw }));
}

/** As a form would read it; what cannot be decoded is taken as it stands. */
function decoded(text: string): string {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

function pairOf(name: string, value: string): Pair {
  return { name, raw: `${urlSafe(name)}=${urlSafe(value)}` };
}

function rename(pair: Pair, names: ReadonlyMap<string, string>): Pair {
  const name = names.get(pair.name);
  if (name === undefined) return pair;
  const equals = pair.raw.indexOf("=");
  return { name, raw: urlSafe(name) + (equals < 0 ? "" : pair.raw.slice(equals)) };
}

/** The first of that name keeps its place, the others go; null takes all of them away. */
function replaceAll(pairs: readonly Pair[], name: string, value: string | null): Pair[] {
  const at = pairs.findIndex((pair) => pair.name === name);
  const kept = pairs.filter((pair, i) => pair.name !== name || (i === at && value !== null));
  if (value === null) return kept;
  if (at < 0) return [...kept, pairOf(name, value)];
  return kept.map((pair) => (pair.name === name ? pairOf(name, value) : pair));
}
