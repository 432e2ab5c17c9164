import { createHash } from "node:crypto";
import { definePlugin, type RequestContext, type Setup, type Static, t } from "sluice";

const FieldName = t.String({ pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" });

const Config = t.Object({
  url: t.String({
    minLength: 1,
    description: "The service that decides; `upstream://NAME/path` goes through an upstream.",
  }),
  requestHeaders: t.Array(FieldName, {
    default: ["Authorization", "Cookie"],
    description: "Header fields of the request that it gets to see.",
  }),
  cookies: t.Optional(
    t.Array(t.String({ minLength: 1 }), {
      description: "Of the cookies only these. Default: all, where `Cookie` is among `requestHeaders`.",
    }),
  ),
  responseHeaders: t.Array(FieldName, {
    default: [],
    description: "Header fields of its 2xx answer that the upstream gets. The client's own of these names are removed.",
  }),
  identityHeader: t.Optional(t.String({ minLength: 1, description: "Header of its 2xx answer with the identity." })),
  timeout: t.Duration({ default: 5000, minimum: 1, maximum: 25_000, description: "How long it may take." }),
  onUnavailable: t.Union([t.Literal("refuse"), t.Literal("allow")], {
    default: "refuse",
    description: "When it does not answer: `refuse` answers 503, `allow` lets everybody in.",
  }),
  cache: t.Optional(
    t.Object({
      ttl: t.Duration({ minimum: 1, description: "How long a 2xx answer counts." }),
      by: t.Optional(
        t.Array(FieldName, {
          minItems: 1,
          description: "Header fields that tell clients apart. Default: everything the service sees.",
        }),
      ),
      everyPath: t.Boolean({
        default: false,
        description: "true: one answer counts for all methods, hosts, paths and addresses.",
      }),
    }),
  ),
});

type Settings = Static<typeof Config>;

/** The service let the request in. */
interface Grant {
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  readonly identity: string | null;
  readonly keep: boolean;
}

/** It did not: its answer, read so that all who waited for it can have it. */
class Denial extends Error {
  constructor(
    readonly status: number,
    readonly fields: Headers,
    readonly body: Uint8Array | null,
  ) {
    super("denied");
  }
}

class Unavailable extends Error {}

/** Between two neighbours only, or made anew for the body. */
const NOT_COPIED: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "content-length",
  "date",
  "host",
]);
const MAX_ANSWER_BYTES = 1024 * 1024;

function checkNames(config: Settings): void {
  for (const field of ["requestHeaders", "responseHeaders"] as const)
    for (const name of config[field])
      if (NOT_COPIED.has(name.toLowerCase()))
        throw new Error(`${field}: ${name} belongs to one connection and cannot be copied; remove it`);
  const url = URL.canParse(config.url) ? new URL(config.url) : null;
  if (url === null || !["http:", "https:", "upstream:"].includes(url.protocol))
    throw new Error(
      `url: ${JSON.stringify(config.url)} is no URL such as http://auth.internal:9000/verify or upstream://auth/verify`,
    );
}

/** What the service is told of the request. */
function question(ctx: RequestContext, config: Settings): Headers {
  const headers = new Headers({ Accept: "*/*", "Accept-Encoding": "identity" });
  for (const name of config.requestHeaders) {
    const value = name.toLowerCase() === "cookie" ? cookiesOf(ctx, config) : ctx.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  const { method, target, host } = ctx.original;
  headers.set("X-Forwarded-Method", method);
  headers.set("X-Forwarded-Proto", ctx.scheme);
  headers.set("X-Forwarded-Host", host);
  headers.set("X-Forwarded-Uri", target);
  headers.set("X-Forwarded-For", ctx.clientIp);
  headers.set("X-Request-Id", ctx.id);
  return headers;
}

function cookiesOf(ctx: RequestContext, { cookies }: Settings): string | null {
  const field = ctx.headers.get("cookie");
  if (field === null || cookies === undefined) return field;
  const kept = field
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => cookies.includes(pair.split("=", 1)[0]!));
  return kept.length === 0 ? null : kept.join("; ");
}

/** Whatever can change the answer is in the key, so that nobody gets in with somebody else's. */
function cacheKey(ctx: RequestContext, asked: Headers, { cache }: Settings): string {
  const about = new Set([
    "x-forwarded-method",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-uri",
    "x-forwarded-for",
  ]);
  const parts: unknown[] = [];
  for (const [name, value] of asked)
    if (name !== "x-request-id" && (about.has(name) ? cache?.everyPath !== true : cache?.by === undefined))
      parts.push(name, value);
  for (const name of cache?.by ?? []) parts.push(name, ctx.headers.get(name));
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
}

async function bytesOf(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > MAX_ANSWER_BYTES) throw new Unavailable(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** @throws Denial, Unavailable */
async function ask({ config, fetch, signal }: Setup<Settings>, headers: Headers): Promise<Grant> {
  try {
    const response = await fetch(config.url, {
      headers,
      redirect: "manual",
      signal: AbortSignal.any([signal, AbortSignal.timeout(config.timeout)]),
    });
    if (!response.ok) throw await denialOf(response);
    await response.body?.cancel();
    const copied = config.responseHeaders.flatMap((name) => {
      const value = response.headers.get(name);
      return value === null ? [] : [[name, value] as const];
    });
    const identity = config.identityHeader === undefined ? null : response.headers.get(config.identityHeader);
    return {
      headers: copied,
      identity,
      keep: !/no-store|no-cache|private/i.test(response.headers.get("cache-control") ?? ""),
    };
  } catch (error) {
    throw error instanceof Denial ? error : new Unavailable(String(error));
  }
}

async function denialOf(response: Response): Promise<Denial> {
  if (response.status < 300 || response.status > 599) throw new Unavailable(`status ${response.status}`);
  const bytes = await bytesOf(response);
  const fields = new Headers();
  const named = (response.headers.get("connection") ?? "").toLowerCase().split(/[\s,]+/);
  for (const [name, value] of response.headers)
    if (!NOT_COPIED.has(name) && !named.includes(name)) fields.append(name, value);
  return new Denial(response.status, fields, response.status === 304 ? null : bytes);
}

export default definePlugin({
  name: "forward-auth",
  config: Config,
  limits: { timeoutMs: 30_000 },
  setup(services) {
    const { config, cache, log, metrics } = services;
    checkNames(config);
    const refused = metrics.counter("refused_total", "Requests that were not let in.");
    if (config.onUnavailable === "allow") log.warn("onUnavailable is allow: without the service everybody is let in");

    const decide = async (ctx: RequestContext): Promise<Grant> => {
      const headers = question(ctx, config);
      if (config.cache === undefined) return ask(services, headers);
      const key = cacheKey(ctx, headers, config);
      const grant = await cache.get(key, () => ask(services, headers), { ttlMs: config.cache.ttl });
      if (!grant.keep) cache.delete(key);
      return grant;
    };

    const onError = (ctx: RequestContext, error: unknown): Response | undefined => {
      if (error instanceof Denial) {
        refused.inc(1, { reason: "denied" });
        return ctx.respond(error.status, error.body, error.fields);
      }
      if (!(error instanceof Unavailable)) throw error;
      ctx.log.warn("the authentication service did not answer", { reason: error.message });
      if (config.onUnavailable === "allow") return undefined;
      refused.inc(1, { reason: "unavailable" });
      const detail = "the authentication service does not answer";
      return ctx.problem("plugin:auth_unavailable", { status: 503, detail, headers: { "Retry-After": "2" } });
    };

    return {
      async request(ctx) {
        try {
          const grant = await decide(ctx);
          for (const name of config.responseHeaders) ctx.headers.delete(name);
          for (const [name, value] of grant.headers) ctx.headers.set(name, value);
          if (grant.identity !== null && grant.identity !== "")
            ctx.identity = { id: grant.identity, by: "forward-auth" };
          return undefined;
        } catch (error) {
          for (const name of config.responseHeaders) ctx.headers.delete(name);
          return onError(ctx, error);
        }
      },
    };
  },
});
