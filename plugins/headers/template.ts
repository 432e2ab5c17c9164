import type { RequestContext } from "sluice";

/** What placeholders are filled from; the second half is there once a route matched. */
export type TemplateSource = Pick<
  RequestContext,
  "id" | "clientIp" | "scheme" | "host" | "method" | "path" | "headers" | "query"
> & { readonly identity?: RequestContext["identity"] } & Partial<Pick<RequestContext, "route" | "upstream" | "params">>;

type Read = (source: TemplateSource) => unknown;
type Encode = (value: string) => string;

/** Text with placeholders such as `{clientIp}`, taken apart once. */
export interface Template {
  /** The text, where nothing has to be filled in. */
  readonly constant: string | null;
  /** @returns the text; placeholders that have nothing to say are empty */
  text(source: TemplateSource, encode?: Encode): string;
  /** @returns null where there are placeholders and none of them had anything to say */
  value(source: TemplateSource, encode?: Encode): string | null;
}

const PLAIN: Readonly<Record<string, Read>> = {
  id: (s) => s.id,
  clientIp: (s) => s.clientIp,
  scheme: (s) => s.scheme,
  host: (s) => s.host,
  method: (s) => s.method,
  path: (s) => s.path,
  "identity.id": (s) => s.identity?.id,
};

const MATCHED: Readonly<Record<string, Read>> = {
  route: (s) => s.route?.name,
  upstream: (s) => s.upstream,
};

const NAMED: Readonly<Record<string, (name: string) => Read>> = {
  "identity.claims.": (name) => (s) => claim(s.identity?.claims, name),
  "header.": (name) => (s) => s.headers.get(name),
  "query.": (name) => (s) => s.query.get(name),
  "param.": (name) => (s) => s.params?.[name],
};

// `{{name}}` is a plain `{name}`. What does not look like a name, as in JSON or CSS, is text.
const PLACEHOLDER =
  /\{\{([\w.-]+)\}\}|\{((?:identity\.claims|header|query|param)\.[^{}\s]+|[A-Za-z]\w*(?:\.[\w-]+)*)\}/g;

/**
 * @param matched false: for a phase before a route is matched, where `{route}`, `{upstream}` and `{param.NAME}` mean nothing
 * @throws Error for a placeholder that does not exist
 */
export function compileTemplate(text: string, { matched = true } = {}): Template {
  const parts: Array<string | Read> = [];
  let from = 0;
  for (const found of text.matchAll(PLACEHOLDER)) {
    parts.push(text.slice(from, found.index));
    parts.push(found[2] === undefined ? `{${found[1]}}` : readerOf(found[2], { matched, text }));
    from = found.index + found[0].length;
  }
  parts.push(text.slice(from));
  if (parts.every((part) => typeof part === "string")) return constantTemplate(parts.join(""));
  return filledTemplate(parts);
}

function constantTemplate(text: string): Template {
  return { constant: text, text: () => text, value: () => text };
}

function filledTemplate(parts: ReadonlyArray<string | Read>): Template {
  const fill = (source: TemplateSource, encode: Encode | undefined): { out: string; said: boolean } => {
    let out = "";
    let said = false;
    for (const part of parts) {
      if (typeof part === "string") {
        out += part;
        continue;
      }
      const value = textOf(part(source));
      said ||= value !== "";
      out += encode === undefined ? value : encode(value);
    }
    return { out, said };
  };
  return {
    constant: null,
    text: (source, encode) => fill(source, encode).out,
    value: (source, encode) => {
      const { out, said } = fill(source, encode);
      return said ? out : null;
    },
  };
}

function readerOf(name: string, { matched, text }: { matched: boolean; text: string }): Read {
  const plain = Object.hasOwn(PLAIN, name) ? PLAIN[name] : undefined;
  if (plain !== undefined) return plain;
  const late = Object.hasOwn(MATCHED, name) || name.startsWith("param.");
  if (late && !matched) throw new Error(`{${name}} in ${JSON.stringify(text)} is not known before a route has matched`);
  if (Object.hasOwn(MATCHED, name)) return MATCHED[name]!;
  for (const [prefix, read] of Object.entries(NAMED))
    if (name.startsWith(prefix) && name.length > prefix.length) return read(name.slice(prefix.length));
  const known = [
    ...Object.keys(PLAIN),
    ...Object.keys(MATCHED),
    ...Object.keys(NAMED).map((prefix) => `${prefix}NAME`),
  ];
  const list = known.map((one) => `{${one}}`).join(" ");
  throw new Error(
    `{${name}} in ${JSON.stringify(text)} is not a placeholder; there are ${list}; write {{${name}}} for the text itself`,
  );
}

/** `realm.roles` is the claim of that name, else `roles` of `realm`. */
function claim(claims: Readonly<Record<string, unknown>> | undefined, name: string): unknown {
  if (claims === undefined) return undefined;
  if (Object.hasOwn(claims, name)) return claims[name];
  let at: unknown = claims;
  for (const step of name.split(".")) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, step)) return undefined;
    at = (at as Record<string, unknown>)[step];
  }
  return at;
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map(textOf).join(",");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** What may not stand in a header becomes %XX of its UTF-8: control characters (CR, LF and NUL among them) and all above U+00FF. */
export function headerSafe(value: string): string {
  if (SAFE.test(value)) return value;
  return value.toWellFormed().replace(UNSAFE, encodeURIComponent);
}

export function isHeaderSafe(value: string): boolean {
  return SAFE.test(value);
}

const SAFE = /^[\t\x20-\x7e\x80-\xff]*$/;
const UNSAFE = /[^\t\x20-\x7e\x80-\xff]+/gu;

/** For one segment of a path or one part of a query. */
export function urlSafe(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}

const HTML: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

export function htmlSafe(value: string): string {
  return value.replace(/[&<>"']/g, (char) => HTML[char]!);
}
