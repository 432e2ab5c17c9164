import type { RequestContext } from "sluice";

const HOLE = /\{\{\s*([\w.-]+)\s*\}\}/g;

/** What fills the holes: the request, and what its path gave to the mock's own parameters. */
export interface Filling {
  readonly ctx: RequestContext<object>;
  readonly params: Readonly<Record<string, string>>;
}

const WORDS: Readonly<Record<string, (filling: Filling, key: string) => string | null | undefined>> = {
  params: ({ params }, key) => (Object.hasOwn(params, key) ? params[key] : null),
  query: ({ ctx }, key) => ctx.query.get(key),
  headers: ({ ctx }, key) => ctx.headers.get(key),
  cookies: ({ ctx }, key) => ctx.cookies.get(key),
  method: ({ ctx }) => ctx.method,
  path: ({ ctx }) => ctx.path.split("?", 1)[0],
  host: ({ ctx }) => ctx.host,
  id: ({ ctx }) => ctx.id,
  clientIp: ({ ctx }) => ctx.clientIp,
  identity: ({ ctx }) => ctx.identity?.id,
  uuid: () => crypto.randomUUID(),
  now: () => new Date().toISOString(),
};
const KEYED: ReadonlySet<string> = new Set(["params", "query", "headers", "cookies"]);

/** How a value is written where it lands, so that what a client sent stays text. */
export type Escape = (value: string) => string;
export const asIs: Escape = (value) => value;
export const inHtml: Escape = (value) => Bun.escapeHTML(value);
export const inHeader: Escape = (value) => value.replace(/[^\t\x20-\x7e]/g, "?");

/** @throws Error that names a hole nobody can fill */
export function checkHoles(text: string, where: string): void {
  for (const [hole, name] of text.matchAll(HOLE)) {
    const [word = "", ...key] = name!.split(".");
    if (!Object.hasOwn(WORDS, word) || KEYED.has(word) !== key.length > 0)
      throw new Error(
        `${where}: nothing fills ${hole}; there are {{params.NAME}}, {{query.NAME}}, {{headers.NAME}}, {{cookies.NAME}}, ` +
          "{{method}}, {{path}}, {{host}}, {{id}}, {{clientIp}}, {{identity}}, {{uuid}} and {{now}}",
      );
  }
}

/** What has no value leaves nothing behind. */
export function fillText(text: string, filling: Filling, escape: Escape): string {
  return text.replace(HOLE, (_, name: string) => {
    const dot = name.indexOf(".");
    const word = dot < 0 ? name : name.slice(0, dot);
    return escape(WORDS[word]!(filling, name.slice(dot + 1)) ?? "");
  });
}

/** The strings of a JSON value, filled; what is filled in stays inside its string. */
export function fillJson(value: unknown, filling: Filling): unknown {
  if (typeof value === "string") return fillText(value, filling, asIs);
  if (Array.isArray(value)) return value.map((item) => fillJson(item, filling));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fillJson(item, filling)]));
}
