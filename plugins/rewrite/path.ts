import { compileTemplate, type Template, type TemplateSource, urlSafe } from "../headers/template.ts";

export type PathRule =
  | { readonly prefix: string; readonly to: string }
  | { readonly regex: string; readonly flags?: string; readonly to: string };

/** Where a rule leads; null: it does not match. */
export type PathRewrite = (path: string, source: TemplateSource) => string | null;

/** @throws Error for a rule that cannot work */
export function compilePathRule(rule: PathRule, matched: boolean): PathRewrite {
  const to = compileTemplate(rule.to, { matched });
  return "prefix" in rule ? prefixRule(rule.prefix, to) : regexRule(rule, to);
}

function prefixRule(prefix: string, to: Template): PathRewrite {
  if (!prefix.startsWith("/")) throw new Error(`path: the prefix ${JSON.stringify(prefix)} must begin with "/"`);
  const bare = prefix.replace(/\/+$/, "");
  return (path, source) => {
    if (path !== bare && !path.startsWith(`${bare}/`)) return null;
    const rest = path.slice(bare.length);
    const front = to.text(source, urlSafe);
    return rest.startsWith("/") && front.endsWith("/") ? front + rest.slice(1) : front + rest;
  };
}

function regexRule(
  rule: { readonly regex: string; readonly flags?: string; readonly to: string },
  to: Template,
): PathRewrite {
  const pattern = compile(rule.regex, rule.flags ?? "");
  return (path, source) => {
    if (path.search(pattern) < 0) return null;
    const by = to.text(source, (value) => urlSafe(value).replaceAll("$", "$$$$"));
    return path.replace(pattern, by);
  };
}

function compile(source: string, flags: string): RegExp {
  if (/[gy]/.test(flags))
    throw new Error(`path: a rule replaces its first match; leave the flag ${flags} of ${source} out`);
  try {
    return new RegExp(source, flags);
  } catch (error) {
    throw new Error(`path: ${JSON.stringify(source)} is no regular expression: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/**
 * What may be sent as a path and query: one leading "/" (two would name a host), nothing that a request line cannot hold. What is
 * encoded already stays.
 */
export function validTarget(text: string): string {
  const target = `/${text.replace(/^\/+/, "")}`.toWellFormed();
  return target.replace(/%(?![0-9A-Fa-f]{2})/g, "%25").replace(/[^\x21-\x7e]+|["<>\\^`{|}#]/gu, encodeURIComponent);
}

/** Has `path` a segment that means "here" or "up", however it is spelt? */
export function hasDotSegment(path: string): boolean {
  if (!DOTTED.test(path)) return false;
  return path.split(/\/|\\|%2f|%5c/i).some((segment) => {
    const plain = segment.replace(/%2e/gi, ".").replace(/;.*$/, "");
    return plain === "." || plain === "..";
  });
}

const DOTTED = /\.|%2e/i;
