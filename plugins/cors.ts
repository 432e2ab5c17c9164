import {
  definePlugin,
  type HeaderMap,
  type OriginalRequest,
  type RequestContext,
  type ResponseContext,
  type Static,
  t,
} from "sluice";

const Origin = t.Union([
  t.String({ description: "`https://app.example.com`, `https://*.example.com`, `null` or `*`." }),
  t.Object(
    { regex: t.String({ description: "A regular expression for the whole origin." }) },
    { additionalProperties: false },
  ),
]);

const Config = t.Object(
  {
    origins: t.Array(Origin, { minItems: 1, description: "Who may read replies; `*` is everybody." }),
    methods: t.Array(t.String(), {
      default: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
      description: "Methods a page may use.",
    }),
    allowedHeaders: t.Optional(
      t.Array(t.String(), { description: "Request headers a page may send. Default: those it asks for." }),
    ),
    exposedHeaders: t.Array(t.String(), {
      default: [],
      description: "Reply headers a page may read beside the simple ones.",
    }),
    credentials: t.Boolean({ default: false, description: "Pages may send cookies and other credentials." }),
    maxAge: t.Optional(t.Duration({ description: "How long a browser remembers a preflight's answer." })),
    privateNetwork: t.Boolean({ default: false, description: "Pages from public sites may reach this private one." }),
    preflight: t.Union([t.Literal("answer"), t.Literal("forward")], {
      default: "answer",
      description: "`forward` lets the upstream answer preflights; their CORS headers are replaced all the same.",
    }),
  },
  { additionalProperties: false },
);

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** As browsers write it (RFC 6454 §6.2): nothing that could pass for more than one origin. */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/;
const DEFAULT_PORT = /^(https:\/\/.*):443$|^(http:\/\/.*):80$/;
const MAX_ASKED_BYTES = 4096;

/** Everything this plugin speaks for: an upstream's own words about it would contradict. */
const OWNED = [
  "Access-Control-Allow-Origin",
  "Access-Control-Allow-Credentials",
  "Access-Control-Expose-Headers",
  "Access-Control-Allow-Methods",
  "Access-Control-Allow-Headers",
  "Access-Control-Allow-Private-Network",
  "Access-Control-Max-Age",
];

const PREFLIGHT_VARY = [
  "Origin",
  "Access-Control-Request-Method",
  "Access-Control-Request-Headers",
  "Access-Control-Request-Private-Network",
];

type Allows = (origin: string) => boolean;

/** Lets browsers' pages from other origins read replies (the Fetch standard's CORS protocol). */
export default definePlugin({
  name: "cors",
  config: Config,
  setup({ config }) {
    refuseWildcards(config);
    const policy = new Policy(config);
    return {
      request(ctx) {
        if (!policy.answers || ctx.method !== "OPTIONS") return undefined;
        const { original } = ctx;
        return isPreflight(original) ? policy.preflight(ctx, original.headers) : undefined;
      },
      response(ctx) {
        // Preflights carry no credentials and name another method, so a check of credentials or of methods is not for them.
        const { original } = ctx;
        const preflight = isPreflight(original);
        if (policy.answers && preflight && wasTurnedAway(ctx)) return policy.preflight(ctx, original.headers);
        policy.decorate(ctx, original.headers, preflight);
        return undefined;
      },
    };
  },
});

type Config = Static<typeof Config>;

class Policy {
  readonly answers: boolean;
  readonly #config: Config;
  readonly #everybody: boolean;
  readonly #allows: readonly Allows[];

  constructor(config: Config) {
    this.#config = config;
    this.answers = config.preflight === "answer";
    this.#everybody = config.origins.includes("*");
    this.#allows = config.origins.filter((origin) => origin !== "*").map(originRule);
  }

  /** A page that may not ask gets an answer without permission: the browser keeps the request back. */
  preflight(ctx: RequestContext | ResponseContext, asking: HeaderMap): Response {
    const headers: Record<string, string> = { Vary: PREFLIGHT_VARY.join(", ") };
    const { credentials, methods, maxAge, privateNetwork } = this.#config;
    const origin = this.#allowedOrigin(asking);
    if (origin === null) return ctx.respond(204, null, headers);
    headers["Access-Control-Allow-Origin"] = origin;
    if (credentials) headers["Access-Control-Allow-Credentials"] = "true";
    headers["Access-Control-Allow-Methods"] = methods.join(", ");
    const allowed = this.#allowedHeaders(asking);
    if (allowed !== "") headers["Access-Control-Allow-Headers"] = allowed;
    if (maxAge !== undefined) headers["Access-Control-Max-Age"] = String(Math.floor(maxAge / 1000));
    if (privateNetwork && asking.get("access-control-request-private-network") === "true")
      headers["Access-Control-Allow-Private-Network"] = "true";
    return ctx.respond(204, null, headers);
  }

  /** Of any reply: the `response` hooks also see what this plugin answered itself. */
  decorate(ctx: ResponseContext, asking: HeaderMap, preflight: boolean): void {
    const { headers } = ctx.reply;
    // Also where no Origin came: a cache must not give that reply to a page that sends one.
    addVary(headers, "Origin");
    if (!asking.has("origin")) return;
    for (const name of OWNED) if (!(preflight && this.answers && PREFLIGHT_ONLY.has(name))) headers.delete(name);
    const origin = this.#allowedOrigin(asking);
    if (origin === null) return;
    headers.set("Access-Control-Allow-Origin", origin);
    if (this.#config.credentials) headers.set("Access-Control-Allow-Credentials", "true");
    if (preflight && !this.answers) this.#allowForwarded(ctx, asking);
    if (!preflight && this.#config.exposedHeaders.length > 0)
      headers.set("Access-Control-Expose-Headers", this.#config.exposedHeaders.join(", "));
  }

  #allowForwarded(ctx: ResponseContext, asking: HeaderMap): void {
    for (const [name, value] of this.preflight(ctx, asking).headers)
      if (name.startsWith("access-control-")) ctx.reply.headers.set(name, value);
    for (const name of PREFLIGHT_VARY) addVary(ctx.reply.headers, name);
  }

  /** What to say in Access-Control-Allow-Origin; null: nothing. */
  #allowedOrigin(headers: HeaderMap): string | null {
    const sent = headers.getAll("origin");
    if (sent.length !== 1) return null;
    if (this.#everybody) return "*";
    const origin = sent[0]!.toLowerCase();
    if (origin !== "null" && !ORIGIN.test(origin)) return null;
    return this.#allows.some((allows) => allows(origin)) ? sent[0]! : null;
  }

  #allowedHeaders(headers: HeaderMap): string {
    const { allowedHeaders } = this.#config;
    if (allowedHeaders !== undefined) return allowedHeaders.join(", ");
    const asked = headers.get("access-control-request-headers") ?? "";
    if (asked.length > MAX_ASKED_BYTES) return "";
    return asked
      .split(",", 256)
      .map((name) => name.trim())
      .filter((name) => TOKEN.test(name))
      .join(", ");
  }
}

const PREFLIGHT_ONLY = new Set(OWNED.slice(3));

function isPreflight(original: OriginalRequest): boolean {
  if (original.method !== "OPTIONS") return false;
  return original.headers.has("origin") && original.headers.has("access-control-request-method");
}

function wasTurnedAway({ reply, route }: ResponseContext): boolean {
  if (reply.source === "upstream") return false;
  return reply.status === 401 || (reply.code === "no_route" && route.name === "");
}

function addVary(headers: HeaderMap, name: string): void {
  const vary = headers.get("vary");
  if (vary === null || vary.trim() === "") return headers.set("Vary", name);
  const names = new Set(vary.toLowerCase().split(/\s*,\s*/));
  if (!names.has("*") && !names.has(name.toLowerCase())) headers.set("Vary", `${vary}, ${name}`);
}

/** Browsers read `*` as a plain name once credentials are involved; and everybody with credentials is a hole. */
function refuseWildcards(config: Config): void {
  for (const list of [config.methods, config.allowedHeaders ?? [], config.exposedHeaders])
    for (const name of list)
      if (!TOKEN.test(name)) throw new Error(`${JSON.stringify(name)} is no method or header name`);
  if (!config.credentials) return;
  if (config.origins.includes("*"))
    throw new Error(`origins: "*" cannot go with credentials: true; list the origins, or use { regex }`);
  if (config.origins.includes("null"))
    throw new Error(`origins: "null" cannot go with credentials: true; any page can send it from a sandboxed frame`);
  const starred = [...config.methods, ...(config.allowedHeaders ?? []), ...config.exposedHeaders].includes("*");
  if (starred) throw new Error(`"*" cannot go with credentials: true; list methods and headers by name`);
}

function originRule(origin: string | { readonly regex: string }): Allows {
  if (typeof origin !== "string") {
    const whole = compile(origin.regex);
    return (sent) => whole.test(sent);
  }
  const written = origin.toLowerCase().replace(/\/$/, "").replace(DEFAULT_PORT, "$1$2");
  if (written === "null" || ORIGIN.test(written)) return (sent) => sent === written;
  const [before, after] = [written.slice(0, written.indexOf("://*.") + 3), written.slice(written.indexOf("://*.") + 4)];
  if (!written.includes("://*.") || !ORIGIN.test(`${before}x${after}`))
    throw new Error(
      `${JSON.stringify(origin)} is no origin; write https://app.example.com, https://*.example.com, "*" or { regex }`,
    );
  // ORIGIN has made sure that nothing but a host stands between the two.
  return (sent) => sent.length > before.length + after.length && sent.startsWith(before) && sent.endsWith(after);
}

function compile(source: string): RegExp {
  try {
    return new RegExp(`^(?:${source})$`, "i");
  } catch (error) {
    throw new Error(`origins: ${JSON.stringify(source)} is no regular expression: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
