import { type ChunkTransform, type ResponseContext, type Static, t } from "sluice";
import { compileEdits, compilePattern, Edits } from "../headers/edits.ts";
import { Conditions, compileConditions, mediaType, negotiates, typeTest } from "./conditions.ts";
import { compilePage, Page, type PageOf } from "./page.ts";
import { type PlainRule, replacePlain, replaceWhole, tooLarge } from "./replace-text.ts";

const strict = { additionalProperties: false };

const Substitution = t.Union([
  t.Object(
    { find: t.String({ minLength: 1, maxLength: 4096 }), replace: t.String() },
    { ...strict, description: "Plain text, as it passes." },
  ),
  t.Object(
    { regex: t.String({ minLength: 1 }), flags: t.String({ default: "g" }), replace: t.String() },
    { ...strict, description: "A regular expression; the body is held until it is whole." },
  ),
]);

export const Rule = t.Object(
  {
    when: t.Optional(Conditions),
    status: t.Optional(t.Integer({ minimum: 200, maximum: 599, description: "The reply's new status." })),
    headers: t.Optional({ ...Edits, description: "As the headers plugin's `response`." }),
    body: t.Optional(Page),
    substitute: t.Optional(
      t.Array(Substitution, { minItems: 1, description: "Replaces in text bodies, one after the other." }),
    ),
    types: t.Array(t.String(), {
      default: [
        "text/*",
        "application/json",
        "application/problem+json",
        "application/javascript",
        "application/xml",
        "application/xhtml+xml",
        "image/svg+xml",
      ],
      description: "What `substitute` takes for text.",
    }),
    limit: t.Bytes({ default: 1024 * 1024, description: "The longest body held for a regular expression." }),
    onTooLarge: t.Union([t.Literal("fail"), t.Literal("pass")], {
      default: "fail",
      description: "A longer body is refused or cut off, or goes on as it came.",
    }),
  },
  strict,
);
type RuleConfig = Static<typeof Rule>;

/** A rule that was made ready. */
export interface CompiledRule {
  matches(ctx: ResponseContext): boolean;
  /** What the head is to be. @returns the reply that stands in for it, where the body is replaced */
  head(ctx: ResponseContext): Response | undefined;
  /** null: the body is not looked at. */
  readonly body: ((ctx: ResponseContext) => ChunkTransform | undefined) | null;
}

/** @throws Error for what can never work */
export function compileRule(config: RuleConfig): CompiledRule {
  const { status, body, substitute } = config;
  const edits = compileEdits(config.headers ?? {}, "response");
  if (status === undefined && body === undefined && substitute === undefined && edits.length === 0)
    throw new Error("a rule must say what to change: status, headers, body or substitute");
  if (body !== undefined && substitute !== undefined)
    throw new Error("a rule has a new body or substitutes in the old one; make it two rules, or leave one of both out");
  if (body !== undefined && (status === 204 || status === 304))
    throw new Error(`a ${status} has no body; leave body out`);
  const page = body === undefined ? null : compilePage(body);
  const concerns = compileConditions(config.when ?? {});
  const accepts = config.when?.accepts;
  return {
    matches: (ctx) => concerns(ctx) && (accepts === undefined || negotiates(ctx, accepts)),
    head(ctx) {
      const { reply } = ctx;
      // The body goes first: its page may speak of the status that was.
      const answer = replacement(ctx, { page, status });
      if (answer === undefined && status !== undefined) reply.status = status;
      for (const edit of edits) edit.apply(reply.headers, ctx, () => true);
      return answer === undefined ? undefined : withHeadersOf(ctx, answer);
    },
    body: substitute === undefined ? null : substitution(config, substitute),
  };
}

const hasNoBody = (status: number): boolean => status === 204 || status === 304;

interface Replaced {
  readonly status: number;
  readonly text: string | null;
  readonly type: string | null;
}

function replacement(
  ctx: ResponseContext,
  to: { page: PageOf | null; status: number | undefined },
): Replaced | undefined {
  const before = ctx.reply.status;
  const after = to.status ?? before;
  // A reply that had a body must lose it when its new status allows none, or gain one when it had none.
  if (hasNoBody(after)) return hasNoBody(before) ? undefined : { status: after, text: null, type: null };
  if (to.page === null)
    return hasNoBody(before) && after !== before ? { status: after, text: null, type: null } : undefined;
  return { status: after, text: to.page.text(ctx, after), type: to.page.type };
}

/** What described the old body. */
const OF_THE_BODY =
  /^(?:content-(?:type|encoding|length|language|location|range|disposition|md5|digest)|digest|repr-digest|etag|last-modified|accept-ranges|transfer-encoding|connection|trailer|te|upgrade|keep-alive)$/i;

function withHeadersOf(ctx: ResponseContext, { status, text, type }: Replaced): Response {
  const headers = new Headers();
  for (const [name, value] of ctx.reply.headers) if (!OF_THE_BODY.test(name)) headers.append(name, value);
  if (type !== null) headers.set("Content-Type", type);
  return ctx.respond(status, text, headers);
}

type Substitutions = NonNullable<RuleConfig["substitute"]>;
type Replace = (text: string) => string;

function substitution(config: RuleConfig, list: Substitutions): NonNullable<CompiledRule["body"]> {
  const { limit, onTooLarge } = config;
  const types = config.types.map(typeTest);
  const plain: PlainRule[] = [];
  const whole: Replace[] = [];
  for (const one of list) {
    if ("find" in one) {
      plain.push({ find: Buffer.from(one.find), by: Buffer.from(one.replace) });
      whole.push((text) => text.replaceAll(one.find, () => one.replace));
    } else {
      const pattern = compilePattern(one.regex, one.flags);
      whole.push((text) => text.replace(pattern, one.replace));
    }
  }
  const streams = plain.length === list.length;
  return (ctx) => {
    const contentType = ctx.reply.headers.get("content-type");
    const type = mediaType(contentType);
    if (!types.some((fits) => fits(type))) return undefined;
    if (!isUtf8(contentType!)) {
      ctx.log.warn("the body is not UTF-8; nothing was substituted", { contentType });
      return undefined;
    }
    if (streams) return replacePlain(plain);
    if (Number(ctx.reply.headers.get("content-length") ?? 0) <= limit)
      return replaceWhole({
        limit,
        onTooLarge,
        replace: (text) => whole.reduce((before, replace) => replace(before), text),
      });
    // Before the head is sent there is still a 502 to answer with.
    if (onTooLarge === "fail") throw tooLarge(limit);
    return undefined;
  };
}

function isUtf8(contentType: string): boolean {
  const charset = /;\s*charset\s*=\s*"?([\w.:-]+)/i.exec(contentType)?.[1]?.toLowerCase();
  return charset === undefined || charset === "utf-8" || charset === "utf8" || charset === "us-ascii";
}
