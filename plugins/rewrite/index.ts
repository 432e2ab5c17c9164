import { definePlugin, type Hooks, type RequestContext, type RouteContext, type Static, t } from "sluice";
import { compileTemplate, type TemplateSource, urlSafe } from "../headers/template.ts";
import { compilePathRule, hasDotSegment, type PathRewrite, validTarget } from "./path.ts";
import { compileQueryRules, type QueryRewrite } from "./query.ts";

const strict = { additionalProperties: false };
const Texts = t.Record(t.String(), t.String());

const PathRules = t.Array(
  t.Union([
    t.Object(
      { prefix: t.String(), to: t.String() },
      { ...strict, description: "`/api` is `/api` and `/api/…`, not `/apix`." },
    ),
    t.Object(
      { regex: t.String(), flags: t.Optional(t.String()), to: t.String() },
      { ...strict, description: "Matched against the path as it came, percent-encoded, without the query." },
    ),
  ]),
  { default: [], description: "The first rule that matches counts." },
);

const Config = t.Object(
  {
    path: PathRules,
    query: t.Optional(
      t.Object(
        {
          remove: t.Optional(t.Array(t.String(), { description: "Names; a `*` at the end takes all that begin so." })),
          rename: t.Optional({ ...Texts, description: "Old name: new name." }),
          set: t.Optional({ ...Texts, description: "Set, whatever was there." }),
          add: t.Optional(t.Record(t.String(), t.Union([t.String(), t.Array(t.String())]), { description: "Added." })),
        },
        { ...strict, description: "Done in this order." },
      ),
    ),
    host: t.Optional(t.String({ description: "The host the request is for." })),
    method: t.Optional(t.String({ description: "The method it is sent with." })),
    methodOverride: t.Optional(
      t.Object(
        {
          header: t.String({ default: "X-HTTP-Method-Override", description: "Where the client says it." }),
          from: t.Array(t.String(), { default: ["POST"], description: "Of which methods." }),
          allow: t.Array(t.String(), { default: ["PUT", "PATCH", "DELETE"], description: "Which ones it may say." }),
        },
        { ...strict, description: "For clients that can only POST." },
      ),
    ),
    beforeMatching: t.Boolean({
      default: false,
      description: "Rewrites before a route is looked for; only in `plugins.all`, and for every request.",
    }),
  },
  strict,
);
type Config = Static<typeof Config>;
type Line = RequestContext | RouteContext;
type Step = (ctx: Line) => Response | void;

/** Changes the method, host, path and query of a request. */
export default definePlugin({
  name: "rewrite",
  config: Config,
  setup({ config }): Hooks {
    const steps = compile(config);
    if (steps.length === 0)
      throw new Error("nothing to do: say what to rewrite: path, query, host, method or methodOverride");
    const run = (ctx: Line): Response | void => {
      for (const step of steps) {
        const refused = step(ctx);
        if (refused !== undefined) return refused;
      }
    };
    return config.beforeMatching ? { route: run } : { request: run };
  },
});

function compile(config: Config): Step[] {
  const matched = !config.beforeMatching;
  const steps: Step[] = [];
  if (config.methodOverride !== undefined) steps.push(methodOverride(config.methodOverride));
  if (config.method !== undefined) steps.push(fixedMethod(config.method));
  if (config.host !== undefined) steps.push(hostStep(config.host, matched));
  const paths = config.path.map((rule) => compilePathRule(rule, matched));
  const query = config.query === undefined ? null : compileQueryRules(config.query, matched);
  if (paths.length > 0 || query !== null) steps.push((ctx) => rewriteTarget(ctx, paths, query));
  return steps;
}

function rewriteTarget(ctx: Line, rules: readonly PathRewrite[], changeQuery: QueryRewrite | null): Response | void {
  const before = ctx.path;
  // `OPTIONS *` is about the server and has no path.
  if (!before.startsWith("/")) return;
  const [path, query] = cut(before);
  const rewritten = firstOf(rules, path, ctx);
  const [newPath, newQuery] = rewritten === null ? [path, ""] : cut(validTarget(rewritten));
  if (rewritten !== null && hasDotSegment(newPath))
    return ctx.problem("bad_request", { detail: "the rewritten path would lead out of where it belongs" });
  const joined = newQuery === "" ? query : query === "" ? newQuery : `${newQuery}&${query}`;
  const finalQuery = changeQuery === null ? joined : changeQuery(joined, ctx);
  const after = finalQuery === "" ? newPath : `${newPath}?${finalQuery}`;
  if (after !== before && !(after === newPath && before === `${newPath}?`)) ctx.path = after;
}

function cut(target: string): [path: string, query: string] {
  const at = target.indexOf("?");
  return at < 0 ? [target, ""] : [target.slice(0, at), target.slice(at + 1)];
}

function firstOf(rules: readonly PathRewrite[], path: string, source: TemplateSource): string | null {
  for (const rule of rules) {
    const rewritten = rule(path, source);
    if (rewritten !== null) return rewritten;
  }
  return null;
}

const HOST = /^(?:[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

function hostStep(text: string, matched: boolean): Step {
  const template = compileTemplate(text, { matched });
  if (template.constant !== null && !HOST.test(template.constant))
    throw new Error(`host: ${JSON.stringify(text)} is no host; write a name or an address, with a port if it must be`);
  return (ctx) => {
    const host = template.value(ctx, urlSafe);
    if (host === null) return;
    if (!HOST.test(host)) return ctx.problem("bad_request", { detail: "the host it is to be sent to is not valid" });
    ctx.host = host;
  };
}

function checkedMethod(method: string): string {
  if (!/^[A-Z][A-Z0-9_-]*$/.test(method))
    throw new Error(`${JSON.stringify(method)} is no method; they are written in capitals`);
  if (method === "CONNECT" || method === "TRACE")
    throw new Error(`${method} cannot be forwarded; choose another method`);
  return method;
}

function fixedMethod(method: string): Step {
  checkedMethod(method);
  return (ctx) => {
    if (ctx.method !== method) ctx.method = method;
  };
}

function methodOverride({ header, from, allow }: NonNullable<Config["methodOverride"]>): Step {
  if (!/^[A-Za-z0-9-]+$/.test(header))
    throw new Error(`methodOverride.header: ${JSON.stringify(header)} is no header name`);
  const [sources, allowed] = [new Set(from.map(checkedMethod)), new Set(allow.map(checkedMethod))];
  return (ctx) => {
    const asked = ctx.headers.get(header);
    if (asked === null) return;
    // The upstream might listen to it as well, and to words this route does not allow.
    ctx.headers.delete(header);
    if (!sources.has(ctx.method)) return;
    const method = asked.trim().toUpperCase();
    if (!allowed.has(method))
      return ctx.problem("bad_request", { detail: `${header} may only say ${allow.join(", ")}` });
    ctx.method = method;
  };
}
