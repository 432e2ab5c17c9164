import { randomBytes } from "node:crypto";
import { definePlugin, type Identity, type RequestContext, type Static, t } from "sluice";

const KeyEntry = t.Object({
  name: t.Optional(t.String({ minLength: 1, description: "Whose key it is: the identity." })),
  id: t.Optional(t.String({ minLength: 1, description: "Its public part: the identity where there is no name." })),
  key: t.Optional(t.Secret({ description: "The key itself. Either this or `hash`." })),
  hash: t.Optional(
    t.Secret({ description: "`sha256:HEX`, or `hmac-sha256:SALT:HEX` (HMAC-SHA256 of the key, keyed by SALT)." }),
  ),
  scopes: t.Optional(t.Array(t.String({ minLength: 1 }), { description: "What it may do." })),
  expires: t.Optional(
    t.Union([t.String(), t.Number()], {
      description: "ISO 8601 date, or milliseconds since 1970; refused from then on.",
    }),
  ),
});

const Config = t.Object({
  header: t.String({
    default: "X-API-Key",
    pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
    description:
      "Header that carries the key. In `Authorization` a scheme `ApiKey` or `Bearer` before it is taken off.",
  }),
  query: t.Optional(t.String({ minLength: 1, description: "Query parameter that may carry it too. Default: none." })),
  keys: t.Array(t.Union([t.Secret(), KeyEntry]), {
    default: [],
    description: "Accepted keys. None: everybody is answered 401.",
  }),
  scopes: t.Array(t.String({ minLength: 1 }), {
    default: [],
    description: "Scopes a key must have, all of them; else 403.",
  }),
  hideCredentials: t.Boolean({ default: true, description: "The upstream does not see the key." }),
  realm: t.String({
    default: "sluice",
    pattern: '^[^"\\\\\\x00-\\x1f\\x7f-\\uffff]*$',
    description: "Told in `WWW-Authenticate`.",
  }),
});

type Settings = Static<typeof Config>;
type Entry = Static<typeof KeyEntry>;

interface Holder {
  readonly identity: Identity;
  readonly scopes: ReadonlySet<string>;
  readonly expiresAt: number;
}

/** Each costs an HMAC per request: keys should share their salt. */
const MAX_SALTS = 64;

/**
 * Holders by `HMAC(secret, digest of the key)`. The secret is random and never leaves the process, so that neither the memory shows a
 * key nor the time of a lookup says how much of a guess was right: nobody outside can aim at a place in the map.
 */
class KeyRing {
  readonly #secret = randomBytes(32);
  readonly #holders = new Map<string, Holder>();
  readonly #salts = new Set<string>();

  add(entry: Entry, place: string): void {
    const index = this.#indexOf(entry, place);
    if (this.#holders.has(index)) throw new Error(`${place} is the same key as one before it; remove one of them`);
    const scopes = entry.scopes ?? [];
    const id = entry.name ?? entry.id ?? place;
    this.#holders.set(index, {
      identity: { id, by: "key-auth", scopes },
      scopes: new Set(scopes),
      expiresAt: expiryOf(entry.expires, place),
    });
  }

  find(key: Uint8Array): Holder | null {
    let found = this.#holders.get(this.#seal("", sha256(key)));
    for (const salt of this.#salts) found ??= this.#holders.get(this.#seal(salt, hmac(salt, key)));
    return found ?? null;
  }

  #indexOf({ key, hash }: Entry, place: string): string {
    if ((key === undefined) === (hash === undefined)) throw new Error(`${place} needs either \`key\` or \`hash\``);
    if (key !== undefined) {
      if (!/^[^\s\p{Cc}](.*[^\s\p{Cc}])?$/u.test(key))
        throw new Error(`${place} is empty or starts or ends with white space, which no header can carry`);
      return this.#seal("", sha256(Buffer.from(key)));
    }
    const parts = /^(?:sha256|hmac-sha256:(?<salt>[^:]+)):(?<hex>[0-9a-f]{64})$/i.exec(hash!)?.groups;
    if (parts === undefined)
      throw new Error(
        `${place}: \`hash\` must be "sha256:" and 64 hex digits, or "hmac-sha256:SALT:" and 64 hex digits`,
      );
    const salt = parts.salt ?? "";
    if (salt !== "") this.#salts.add(salt);
    if (this.#salts.size > MAX_SALTS)
      throw new Error(
        `the keys have more than ${MAX_SALTS} different salts, and each costs time on every request; share one`,
      );
    return this.#seal(salt, parts.hex!.toLowerCase());
  }

  #seal(salt: string, digest: string): string {
    return hmac(this.#secret, `${salt}:${digest}`);
  }
}

function sha256(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

function hmac(key: string | Uint8Array, message: string | Uint8Array): string {
  return new Bun.CryptoHasher("sha256", key).update(message).digest("hex");
}

function expiryOf(expires: string | number | undefined, place: string): number {
  if (expires === undefined) return Number.POSITIVE_INFINITY;
  const at = typeof expires === "number" ? expires : Date.parse(expires);
  if (Number.isNaN(at))
    throw new Error(`${place}: \`expires\` must be a date such as 2027-01-31 or 2027-01-31T12:00:00Z`);
  return at;
}

function ringOf(config: Settings): KeyRing {
  const ring = new KeyRing();
  config.keys.forEach((key, i) => ring.add(typeof key === "string" ? { key } : key, `key-${i + 1}`));
  return ring;
}

/** Every different key that the request shows, in hex: header fields are bytes, a query is UTF-8. */
function presented(ctx: RequestContext, config: Settings): Set<string> {
  const keys = new Set<string>();
  const authorization = config.header.toLowerCase() === "authorization";
  for (const value of ctx.headers.getAll(config.header)) {
    const key = authorization ? value.replace(/^(?:apikey|bearer) +/i, "") : value;
    if (key !== "") keys.add(Buffer.from(key, "latin1").toString("hex"));
  }
  if (config.query === undefined || !ctx.path.includes("?")) return keys;
  for (const key of ctx.query.getAll(config.query)) if (key !== "") keys.add(Buffer.from(key).toString("hex"));
  return keys;
}

/** `path` without the query parameter `name`; what else the query says stays as it was written. */
function withoutParameter(path: string, name: string): string {
  const at = path.indexOf("?");
  if (at < 0) return path;
  const pairs = path.slice(at + 1).split("&");
  const kept = pairs.filter((pair) => !new URLSearchParams(`?${pair}`).has(name));
  if (kept.length === pairs.length) return path;
  return path.slice(0, at) + (kept.length === 0 ? "" : `?${kept.join("&")}`);
}

export default definePlugin({
  name: "key-auth",
  config: Config,
  setup({ config, log, metrics }) {
    const ring = ringOf(config);
    if (config.keys.length === 0) log.warn("no keys are configured: every request is answered 401");
    const refused = metrics.counter("refused_total", "Requests that were not let in.");
    const challenge = `ApiKey realm="${config.realm}"`;

    const refuse = (ctx: RequestContext, reason: string, detail: string): Response => {
      refused.inc(1, { reason });
      return ctx.problem("unauthorized", { detail, headers: { "WWW-Authenticate": challenge } });
    };

    return {
      request(ctx) {
        const keys = presented(ctx, config);
        if (keys.size === 0) return refuse(ctx, "missing", `no API key in ${config.header}`);
        if (keys.size > 1) return refuse(ctx, "several", "the request carries different API keys");
        const [key] = keys;
        const holder = ring.find(Buffer.from(key!, "hex"));
        if (holder === null) return refuse(ctx, "unknown", "the API key is not known");
        if (Date.now() >= holder.expiresAt) return refuse(ctx, "expired", "the API key has expired");
        if (!config.scopes.every((scope) => holder.scopes.has(scope))) {
          refused.inc(1, { reason: "scope" });
          return ctx.problem("forbidden", { detail: `the API key needs the scopes: ${config.scopes.join(" ")}` });
        }
        ctx.identity = holder.identity;
        if (!config.hideCredentials) return;
        ctx.headers.delete(config.header);
        if (config.query !== undefined) ctx.path = withoutParameter(ctx.path, config.query);
      },
    };
  },
});
