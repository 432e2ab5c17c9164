import { BlockList, isIP } from "node:net";
import { createHash, timingSafeEqual } from "node:crypto";
import { definePlugin, type RequestContext, type Static, t } from "sluice";

const DEFAULT_RETRY_MS = 300_000;
/** A path with two readings opens nothing. */
const TWO_READINGS = /%2f|%5c|%2e|%25|\\|\/\/|\/\.{1,2}(\/|$)/i;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

const HTML = { "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store" };

const Config = t.Object({
  enabled: t.Boolean({ default: true, description: "false: everything goes through." }),
  from: t.Optional(t.String({ description: "Starts then: a date with its zone, `2026-03-01T22:00:00Z`." })),
  until: t.Optional(t.String({ description: "Ends then; also what Retry-After says." })),
  retryAfter: t.Optional(
    t.Duration({ description: "What Retry-After says without `until`, or with one further away." }),
  ),
  title: t.String({ default: "Down for maintenance", description: "Heading of the page." }),
  message: t.String({
    default: "We are working on it and will be back soon.",
    description: "Text of the page, and the problem's detail.",
  }),
  html: t.Optional(t.String({ description: "A whole page of your own instead of title and message." })),
  allowPaths: t.Array(t.String(), { default: [], description: "Paths that stay open: `/health`, `/status/*`." }),
  allowIps: t.Array(t.String(), { default: [], description: "Addresses and blocks that get through: `10.0.0.0/8`." }),
  allowIdentities: t.Array(t.String(), {
    default: [],
    description: "Ids of clients that get through once authenticated.",
  }),
  allowHeader: t.Optional(
    t.Object(
      {
        name: t.String({ description: "A header that testers send." }),
        value: t.Secret({ minLength: 8, description: "Its value." }),
      },
      { additionalProperties: false, description: "A shared secret for testers; it is not forwarded." },
    ),
  ),
});
type Config = Static<typeof Config>;

/** Answers 503 while work is done, and lets those through who do it. */
export default definePlugin({
  name: "maintenance",
  config: Config,
  setup({ config }) {
    const fromMs = readDate("from", config.from) ?? Number.NEGATIVE_INFINITY;
    const untilMs = readDate("until", config.until) ?? Number.POSITIVE_INFINITY;
    if (fromMs >= untilMs) throw new Error("from must come before until");
    const page = config.html ?? pageOf(config);
    const passes = passFor(config);
    if (!config.enabled) return {};
    return {
      request(ctx) {
        const now = Date.now();
        if (now < fromMs || now >= untilMs || passes(ctx)) return;
        const headers = { "Retry-After": String(retrySeconds(untilMs - now, config.retryAfter)), Vary: "Accept" };
        if (prefersHtml(ctx.headers.get("accept"))) return ctx.respond(503, page, { ...headers, ...HTML });
        return ctx.problem("plugin:maintenance", { status: 503, detail: config.message, headers });
      },
    };
  },
});

function readDate(field: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const at = Date.parse(text);
  if (Number.isNaN(at) || !/T.*(Z|[+-]\d\d:?\d\d)$/i.test(text))
    throw new Error(`${field}: ${JSON.stringify(text)} is no date with a zone; write it like 2026-03-01T22:00:00Z`);
  return at;
}

function retrySeconds(leftMs: number, retryAfterMs: number | undefined): number {
  const ms = Math.min(leftMs, retryAfterMs ?? (leftMs === Number.POSITIVE_INFINITY ? DEFAULT_RETRY_MS : leftMs));
  return Math.max(1, Math.ceil(ms / 1000));
}

function passFor(config: Config): (ctx: RequestContext<object>) => boolean {
  const addresses = blockList(config.allowIps);
  const paths = config.allowPaths.map(pathTest);
  const identities = new Set(config.allowIdentities);
  const { allowHeader } = config;
  if (allowHeader !== undefined && !TOKEN.test(allowHeader.name))
    throw new Error(`allowHeader.name: ${JSON.stringify(allowHeader.name)} cannot be a header's name`);
  const secret = allowHeader === undefined ? null : digest(allowHeader.value);
  return (ctx) => {
    // Taken off before anything else decides, so that it never travels on.
    const shown = allowHeader === undefined ? null : ctx.headers.get(allowHeader.name);
    if (shown !== null) ctx.headers.delete(allowHeader!.name);
    if (shown !== null && timingSafeEqual(digest(shown), secret!)) return true;
    if (ctx.identity !== undefined && identities.has(ctx.identity.id)) return true;
    if (holdsAddress(addresses, ctx.clientIp)) return true;
    const path = ctx.path.split("?", 1)[0]!;
    return paths.length > 0 && !TWO_READINGS.test(path) && paths.some((open) => open(path));
  };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function pathTest(pattern: string): (path: string) => boolean {
  if (!pattern.startsWith("/")) throw new Error(`allowPaths: ${JSON.stringify(pattern)} must start with "/"`);
  if (!pattern.endsWith("/*")) return (path) => path === pattern;
  const prefix = pattern.slice(0, -1);
  return (path) => path.startsWith(prefix) || path === prefix.slice(0, -1);
}

function blockList(blocks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const block of blocks) {
    const [address = "", bits, ...rest] = block.split("/");
    const version = isIP(address);
    const size = bits === undefined ? (version === 4 ? 32 : 128) : Number(bits);
    if (version === 0 || rest.length > 0 || bits === "" || !(size >= 0 && size <= (version === 4 ? 32 : 128)))
      throw new Error(`allowIps: ${JSON.stringify(block)} is no address or block such as 10.0.0.0/8 or 2001:db8::/32`);
    list.addSubnet(address, size, version === 4 ? "ipv4" : "ipv6");
  }
  return list;
}

function holdsAddress(list: BlockList, clientIp: string): boolean {
  const address = clientIp.replace(/^::ffff:(?=\d+\.)/i, "");
  const version = isIP(address);
  return version !== 0 && list.check(address, version === 4 ? "ipv4" : "ipv6");
}

/** RFC 9110 §12.5.1, as far as two types need it: does the client rank HTML over JSON? Browsers do, tools do not. */
function prefersHtml(accept: string | null): boolean {
  if (accept === null) return false;
  let html = 0;
  let json = 0;
  for (const part of accept.toLowerCase().split(",")) {
    const [type = "", ...parameters] = part.split(";").map((piece) => piece.trim());
    const q = parameters.find((parameter) => parameter.startsWith("q="));
    const weight = q === undefined ? 1 : Number(q.slice(2)) || 0;
    if (type === "text/html" || type === "application/xhtml+xml") html = Math.max(html, weight);
    if (type === "application/json" || type === "application/problem+json") json = Math.max(json, weight);
  }
  return html > json;
}

function pageOf({ title, message }: Config): string {
  const [heading, text] = [title, message].map(Bun.escapeHTML);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>${heading}</title>
<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:20vh auto;padding:0 1rem}</style>
<h1>${heading}</h1>
<p>${text}</p>
`;
}
