import { createHash, createHmac, randomInt, timingSafeEqual } from "node:crypto";
import { type ContextBase, type Cookies, definePlugin, type RequestContext, type Static, t } from "sluice";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** A client's place among all clients: 0 to 9,999, so that a hundredth of a percent can be told apart. */
const BUCKETS = 10_000;
const ON: ReadonlySet<string> = new Set(["always", "on", "true", "1"]);
const OFF: ReadonlySet<string> = new Set(["never", "off", "false", "0"]);

const Rule = t.Object(
  {
    header: t.Optional(t.String({ description: "Name of a request header to look at." })),
    cookie: t.Optional(t.String({ description: "Name of a cookie to look at." })),
    equals: t.Optional(t.String({ description: "Holds where the value is this one." })),
    regex: t.Optional(t.String({ description: "Holds where this regular expression finds something in the value." })),
  },
  { additionalProperties: false },
);

const Config = t.Object({
  upstream: t.Upstream({ description: "The upstream that takes the canary's share." }),
  percent: t.Number({ minimum: 0, maximum: 100, default: 0, description: "Share of clients that go there." }),
  match: t.Array(Rule, {
    default: [],
    description: "Requests that go there whatever `percent` says: one rule is enough.",
  }),
  override: t.Optional(
    t.String({ description: "Name of a request header that decides before all else: `always` or `never`." }),
  ),
  stickyBy: t.String({
    default: "cookie",
    pattern: "^(cookie|clientIp|identity|none|header:.+)$",
    description: "What keeps a client on its side: cookie, clientIp, identity, header:NAME or none.",
  }),
  cookie: t.Object(
    {
      name: t.String({ default: "sluice_canary", description: "Name of the cookie." }),
      maxAge: t.Duration({ default: 30 * 86_400_000, description: "How long the client keeps it." }),
      secret: t.Optional(t.Secret({ minLength: 16, description: "Signs the cookie, so that nobody picks a side." })),
    },
    { default: {}, additionalProperties: false, description: "The cookie of `stickyBy: cookie`." },
  ),
  seed: t.String({
    default: "",
    description: "Another seed, other clients: for two canaries that must not share them.",
  }),
  responseHeader: t.Optional(t.String({ description: "Reply header that says `canary` or `stable`." })),
});
type Config = Static<typeof Config>;

type Holds = (ctx: ContextBase<object>) => boolean;

/** Sends a share of the traffic to another upstream; a client stays on its side, also when the share grows. */
export default definePlugin({
  name: "canary",
  config: Config,
  provides: { canary: "stable" as "canary" | "stable" },
  setup({ config }) {
    for (const name of [config.override, config.responseHeader, config.cookie.name])
      if (name !== undefined && !TOKEN.test(name)) throw new Error(`${JSON.stringify(name)} cannot be a field's name`);
    const rules = config.match.map(holdsOf);
    const bucketOf = bucketer(config);
    const threshold = (config.percent / 100) * BUCKETS;

    function isCanary(ctx: RequestContext<object>): boolean {
      const word = config.override === undefined ? undefined : ctx.headers.get(config.override)?.trim().toLowerCase();
      if (word !== undefined && ON.has(word)) return true;
      if (word !== undefined && OFF.has(word)) return false;
      if (rules.some((holds) => holds(ctx))) return true;
      // Nobody gets a cookie while it decides nothing.
      if (threshold === 0 || threshold === BUCKETS) return threshold === BUCKETS;
      return bucketOf(ctx) < threshold;
    }

    return {
      request(ctx) {
        // A route that forwards nowhere has no sides.
        if (ctx.upstream === "") return;
        if (isCanary(ctx)) {
          ctx.upstream = config.upstream;
          ctx.state.canary = "canary";
        } else ctx.state.canary ??= "stable";
      },
      response(ctx) {
        const side = ctx.state.canary;
        if (config.responseHeader !== undefined && side !== undefined)
          ctx.reply.headers.set(config.responseHeader, side);
      },
    };
  },
});

function holdsOf(rule: Static<typeof Rule>, index: number): Holds {
  const { header, cookie, equals, regex } = rule;
  const where = `match[${index}]`;
  if ((header === undefined) === (cookie === undefined)) throw new Error(`${where} needs one of header and cookie`);
  if (equals !== undefined && regex !== undefined) throw new Error(`${where}: equals or regex, not both`);
  const test = valueTest(equals, regex, where);
  if (header !== undefined) return (ctx) => ctx.headers.getAll(header).some(test);
  return (ctx) => {
    const value = ctx.cookies.get(cookie!);
    return value !== null && test(value);
  };
}

function valueTest(equals: string | undefined, regex: string | undefined, where: string): (value: string) => boolean {
  if (equals !== undefined) return (value) => value === equals;
  if (regex === undefined) return () => true;
  try {
    const compiled = new RegExp(regex);
    return (value) => compiled.test(value);
  } catch (error) {
    throw new Error(`${where}.regex is not a regular expression: ${(error as Error).message}`, { cause: error });
  }
}

function bucketer({ stickyBy, cookie, seed }: Config): (ctx: RequestContext<object>) => number {
  const hashed = (key: string) => hashBucket(`${seed}\0${key}`);
  if (stickyBy === "none") return () => randomInt(BUCKETS);
  if (stickyBy === "clientIp") return (ctx) => hashed(ctx.clientIp);
  if (stickyBy === "identity") return (ctx) => hashed(ctx.identity === undefined ? ctx.clientIp : ctx.identity.id);
  if (stickyBy === "cookie") return (ctx) => cookieBucket(ctx.cookies, cookie, ctx.scheme === "https");
  const name = stickyBy.slice("header:".length);
  if (!TOKEN.test(name)) throw new Error(`stickyBy: ${JSON.stringify(name)} cannot be a header's name`);
  return (ctx) => hashed(ctx.headers.get(name) ?? ctx.clientIp);
}

function hashBucket(key: string): number {
  return createHash("sha256").update(key).digest().readUInt32BE(0) % BUCKETS;
}

/** The cookie holds the bucket, not the side: whoever was a canary at 5 % is one at 20 %. */
function cookieBucket(cookies: Cookies, { name, maxAge, secret }: Config["cookie"], secure: boolean): number {
  const sign = (bucket: string) => createHmac("sha256", secret!).update(`${name}=${bucket}`).digest("base64url");
  const known = /^(\d{1,4})(?:\.([\w-]{43}))?$/.exec(cookies.get(name) ?? "");
  if (known !== null && (secret === undefined || sameText(known[2] ?? "", sign(known[1]!)))) return Number(known[1]);
  const bucket = randomInt(BUCKETS);
  const value = secret === undefined ? `${bucket}` : `${bucket}.${sign(`${bucket}`)}`;
  cookies.set(name, value, { path: "/", maxAge: Math.ceil(maxAge / 1000), httpOnly: true, sameSite: "lax", secure });
  return bucket;
}

function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
