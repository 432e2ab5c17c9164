import type { Exchange } from "../../model/exchange.ts";
import { PathPattern } from "./path-pattern.ts";
import { decodeForMatching } from "./path-readings.ts";
import { pathOf, queryOf } from "./query-string.ts";
import type { ForwardSpec } from "./route.ts";

/**
 * The target that goes to an endpoint: `stripPath` or `rewritePath` applied to the outgoing target, `basePath` in front. What
 * is kept is kept byte for byte, and so is the query. The result starts with "/" (`*` of `OPTIONS *` stays what it is).
 * @param matchPath the route's `path`, which says where parameters stand.
 */
export function rewriteTarget(exchange: Exchange, spec: ForwardSpec, matchPath: string, basePath: string): string {
  const { target } = exchange.outgoing;
  if (target === "*") return target;
  return basePath + rewriteFor(spec, matchPath).apply(target, exchange.params);
}

const NON_ASCII = /[^\0-\x7f]+/g;

interface Rewrite {
  apply(target: string, params: Readonly<Record<string, string>>): string;
}

const compiled = new WeakMap<ForwardSpec, Rewrite>();

function rewriteFor(spec: ForwardSpec, matchPath: string): Rewrite {
  let rewrite = compiled.get(spec);
  if (rewrite === undefined) {
    rewrite = compile(spec, matchPath);
    compiled.set(spec, rewrite);
  }
  return rewrite;
}

function compile({ stripPath, rewritePath }: ForwardSpec, matchPath: string): Rewrite {
  if (rewritePath !== null) return new ReplacePath(rewritePath, new PathPattern(matchPath));
  return stripPath === null ? { apply: (target) => target } : new StripPath(stripPath);
}

/** `/users` of `/users/5`. Whole segments only, however they are percent-encoded; a target that does not fit stays. */
class StripPath implements Rewrite {
  readonly #pattern: PathPattern;

  constructor(strip: string) {
    this.#pattern = new PathPattern(strip.endsWith("/*") ? strip : `${strip.replace(/\/+$/, "")}/*`);
  }

  apply(target: string): string {
    const path = pathOf(target);
    const rest = restAfter(path, this.#pattern);
    if (rest === null) return target;
    return (rest.startsWith("/") ? rest : `/${rest}`) + target.slice(path.length);
  }
}

/** A new path, in which `:name` is a parameter's segment as received and `*` what a prefix leaves over. */
class ReplacePath implements Rewrite {
  readonly #template: string;
  readonly #pattern: PathPattern;

  constructor(template: string, pattern: PathPattern) {
    this.#template = (template.startsWith("/") ? template : `/${template}`).replace(NON_ASCII, encodeURI);
    this.#pattern = pattern;
  }

  apply(target: string, params: Readonly<Record<string, string>>): string {
    const path = pathOf(target);
    const segments = path.split("/");
    const rest = restAfter(path, this.#pattern) ?? "";
    const rewritten = this.#template.replace(/\/\*(?=\?|$)|\*|:[A-Za-z_][\w-]*/g, (token) => {
      if (token === "/*") return rest;
      if (token === "*") return rest.slice(1);
      const at = this.#pattern.segments.findIndex(({ param }) => param === token.slice(1));
      // Hooks may have changed the path: then there is only the value that matched.
      return at < 0 ? token : (segments[at + 1] ?? encodeURIComponent(params[token.slice(1)] ?? ""));
    });
    return withQuery(rewritten.startsWith("/") ? rewritten : `/${rewritten}`, target.slice(path.length));
  }
}

function withQuery(path: string, query: string): string {
  return path.includes("?") && query !== "" ? `${path}&${query.slice(1)}` : path + query;
}

/** What a raw path has after the segments of a prefix: "", or something that starts with a slash; null: it does not fit. */
function restAfter(path: string, { segments }: PathPattern): string | null {
  let at = 0;
  for (const { literal, param } of segments) {
    if (path[at] !== "/") return null;
    const next = path.indexOf("/", at + 1);
    const end = next < 0 ? path.length : next;
    const fits = param === null ? decodeForMatching(path.slice(at + 1, end)) === literal : end > at + 1;
    if (!fits) return null;
    at = end;
  }
  return path.slice(at);
}

const PLACEHOLDER = /\?\{query\}|\{(?:scheme|host|authority|path|query|param\.[\w-]+)\}/g;

/**
 * The Location of a redirect: `{scheme}`, `{host}` (without port), `{authority}` (with it), `{path}` as received and without
 * query, `{query}` without its "?" (`?{query}` vanishes when there is none), `{param.NAME}` percent-encoded.
 */
export function redirectLocation(to: string, exchange: Exchange): string {
  const location = to
    .replace(PLACEHOLDER, (token) => safeInUrl(valueOf(token, exchange)))
    .replace(NON_ASCII, encodeURI);
  // "//evil.example" names another host, and browsers read "\" as "/": a path from outside must never come to that.
  return to.startsWith("//") ? location : location.replace(/^[/\\]{2,}/, "/");
}

function valueOf(token: string, exchange: Exchange): string {
  const { target, authority } = exchange.outgoing;
  switch (token) {
    case "{scheme}":
      return exchange.scheme;
    case "{host}":
      return exchange.host.includes(":") && !exchange.host.startsWith("[") ? `[${exchange.host}]` : exchange.host;
    case "{authority}":
      return authority;
    case "{path}":
      return target.startsWith("/") ? pathOf(target) : "/";
    case "{query}":
      return queryOf(target).slice(1);
    case "?{query}":
      return queryOf(target);
  }
  return encodeURIComponent(exchange.params[token.slice("{param.".length, -1)] ?? "");
}

const UNSAFE = /[^\x21-\x7e]|["<>\\]/g;

/** Targets hold one byte a character, so an unsafe character is one escape. */
function safeInUrl(text: string): string {
  return text.replace(UNSAFE, (char) => {
    const code = char.charCodeAt(0);
    return code > 0xff ? encodeURIComponent(char) : `%${code.toString(16).toUpperCase().padStart(2, "0")}`;
  });
}
