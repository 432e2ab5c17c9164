import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { definePlugin, type RequestContext, type Static, t } from "sluice";

const FIELD_NAME = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";

const Config = t.Object({
  keys: t.Array(
    t.Object({
      id: t.String({
        pattern: "^[A-Za-z0-9._~@:/+=-]{1,128}$",
        description: "`keyId` of the request, and the identity.",
      }),
      secret: t.Secret({
        minLength: 16,
        description: "What both sides know; at least 16 characters, better 32 random bytes.",
      }),
      scopes: t.Optional(t.Array(t.String(), { description: "Told to other plugins." })),
    }),
    { default: [], description: "Who may sign. None: everybody is answered 401." },
  ),
  window: t.Duration({
    default: 300_000,
    minimum: 1000,
    description: "How far the client's clock may be from ours, either way.",
  }),
  timestampHeader: t.String({
    default: "X-Timestamp",
    pattern: FIELD_NAME,
    description: "Header with seconds or milliseconds since 1970; without it `Date` counts.",
  }),
  signedHeaders: t.Array(t.String({ pattern: FIELD_NAME }), {
    default: [],
    description: "More header fields that are part of what is signed, in this order.",
  }),
  replay: t.Boolean({
    default: true,
    description: "Each `nonce` of a key is accepted once. false: the nonce may be left out.",
  }),
  body: t.Union([t.Literal("verify"), t.Literal("ignore")], {
    default: "verify",
    description:
      "`verify`: a body needs `Content-Digest` (RFC 9530) and must fit it, so it is read before it is forwarded. `ignore`: bodies are not protected.",
  }),
  maxBody: t.Bytes({ default: 1_048_576, description: "Longest body that is verified; more: 413." }),
  hideCredentials: t.Boolean({ default: true, description: "The upstream does not see `Authorization`." }),
  realm: t.String({
    default: "sluice",
    pattern: '^[^"\\\\\\x00-\\x1f\\x7f-\\uffff]*$',
    description: "Told in `WWW-Authenticate`.",
  }),
});

type Settings = Static<typeof Config>;
type KeyEntry = Settings["keys"][number];

interface Credentials {
  readonly keyId: string;
  readonly nonce: string;
  readonly signature: Buffer;
}

class Refusal extends Error {}

const SCHEME = "hmac-sha256";
const NONCE = /^[A-Za-z0-9._~+/=-]{16,128}$/;
const DIGESTS = { "sha-256": "sha256", "sha-512": "sha512" } as const;

/** `HMAC-SHA256 keyId="…", nonce="…", signature="…"` in any order. @throws Refusal */
function credentialsOf(ctx: RequestContext, replay: boolean): Credentials {
  const fields = ctx.headers.getAll("authorization");
  const [scheme, rest] = fields.length === 1 ? splitOnce(fields[0]!.trim(), " ") : ["", ""];
  if (scheme.toLowerCase() !== SCHEME) throw new Refusal("a signature is needed");
  const said = new Map<string, string>();
  for (const part of rest.split(",")) {
    const match = /^\s*(keyId|nonce|signature)="([^"]*)"\s*$/.exec(part);
    if (match === null || said.has(match[1]!)) throw new Refusal("the Authorization header cannot be read");
    said.set(match[1]!, match[2]!);
  }
  const signature = Buffer.from(said.get("signature") ?? "", "base64");
  const nonce = said.get("nonce") ?? "";
  if (signature.length !== 32) throw new Refusal("the signature is not 32 bytes in base64");
  if (replay ? !NONCE.test(nonce) : nonce !== "" && !NONCE.test(nonce))
    throw new Refusal("the nonce must be 16 to 128 letters, digits and ._~+/=-");
  return { keyId: said.get("keyId") ?? "", nonce, signature };
}

function splitOnce(text: string, at: string): [string, string] {
  const i = text.indexOf(at);
  return i < 0 ? [text, ""] : [text.slice(0, i), text.slice(i + 1)];
}

/** The timestamp as the client wrote it, which is what it signed. @throws Refusal outside the window */
function timestampOf(ctx: RequestContext, { timestampHeader, window }: Settings): string {
  const own = ctx.headers.get(timestampHeader);
  const text = (own ?? ctx.headers.get("date") ?? "").trim();
  const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  // Seconds reach 1e11 in the year 5138.
  const at = own === null ? Date.parse(text) : number < 1e11 ? number * 1000 : number;
  if (Number.isNaN(at)) throw new Refusal(`a timestamp is needed, in ${timestampHeader} or Date`);
  if (Math.abs(Date.now() - at) > window) throw new Refusal("the timestamp is too far from now");
  return text;
}

/** What is signed: docs/plugins/hmac-auth.md has it line by line. */
function canonical(ctx: RequestContext, config: Settings, { keyId, nonce }: Credentials, timestamp: string): Buffer {
  const { method, target, host, headers } = ctx.original;
  const value = (name: string) =>
    headers
      .getAll(name)
      .map((field) => field.trim())
      .join(", ");
  const lines = [
    "sluice-hmac-v1",
    keyId,
    method,
    host.toLowerCase().replace(/:\d*$/, ""),
    target,
    timestamp,
    nonce,
    value("content-digest"),
    ...config.signedHeaders.map((name) => `${name.toLowerCase()}:${value(name)}`),
  ];
  // Header fields and targets are bytes, one a character.
  return Buffer.from(lines.join("\n"), "latin1");
}

/** The digests that `Content-Digest` names and we know. */
function digestsOf(field: string): Array<[algorithm: "sha256" | "sha512", digest: Buffer]> {
  const digests: Array<["sha256" | "sha512", Buffer]> = [];
  for (const member of field.split(",")) {
    const match = /^\s*(sha-256|sha-512)=:([A-Za-z0-9+/]+={0,2}):\s*$/.exec(member);
    if (match !== null) digests.push([DIGESTS[match[1] as keyof typeof DIGESTS], Buffer.from(match[2]!, "base64")]);
  }
  return digests;
}

/** @throws Refusal; and a 413 where the body is too long */
async function verifyBody(ctx: RequestContext, maxBody: number): Promise<void> {
  const field = ctx.original.headers.get("content-digest");
  const hasBody = ctx.body !== null && ctx.body.length !== 0;
  if (field === null && !hasBody) return;
  const digests = digestsOf(field ?? "");
  if (digests.length === 0) throw new Refusal("a body needs Content-Digest with sha-256 or sha-512");
  const bytes = hasBody ? await ctx.body!.bytes(maxBody) : new Uint8Array(0);
  for (const [algorithm, digest] of digests) {
    const actual = createHash(algorithm).update(bytes).digest();
    if (digest.length !== actual.length || !timingSafeEqual(digest, actual))
      throw new Refusal("the body does not fit Content-Digest");
  }
}

function keysOf(config: Settings): Map<string, KeyEntry> {
  const keys = new Map<string, KeyEntry>();
  for (const key of config.keys) {
    if (keys.has(key.id))
      throw new Error(`two keys have the id ${key.id}; to change a secret give the new one an id of its own`);
    keys.set(key.id, key);
  }
  return keys;
}

/** Checked against where the key is not known, so that this takes as long. */
const NOBODY: KeyEntry = { id: "", secret: randomBytes(32).toString("hex") };

/** @throws Refusal */
function signerOf(
  ctx: RequestContext,
  config: Settings,
  keys: ReadonlyMap<string, KeyEntry>,
): { key: KeyEntry; nonce: string } {
  const credentials = credentialsOf(ctx, config.replay);
  const key = keys.get(credentials.keyId) ?? NOBODY;
  const text = canonical(ctx, config, credentials, timestampOf(ctx, config));
  const expected = createHmac("sha256", key.secret).update(text).digest();
  if (!timingSafeEqual(expected, credentials.signature) || key === NOBODY)
    throw new Refusal("the key is not known or the signature is wrong");
  return { key, nonce: credentials.nonce };
}

export default definePlugin({
  name: "hmac-auth",
  config: Config,
  setup({ config, kv, log, metrics }) {
    const keys = keysOf(config);
    if (keys.size === 0) log.warn("no keys are configured: every request is answered 401");
    const refused = metrics.counter("refused_total", "Requests that were not let in.");

    /** Last, so that a copy with another body does not use up the real one's nonce. @throws Refusal */
    const useUp = async (key: KeyEntry, nonce: string): Promise<void> => {
      const entry = createHash("sha256").update(`${key.id} ${nonce}`).digest("base64url");
      // A timestamp from the far end of the window stays good for two of them.
      if ((await kv.incr(entry, { ttlMs: 2 * config.window + 1000 })) > 1)
        throw new Refusal("the nonce was used already");
    };

    const refuse = (ctx: RequestContext, error: unknown): Response => {
      if (!(error instanceof Refusal)) throw error;
      refused.inc();
      return ctx.problem("unauthorized", {
        detail: error.message,
        headers: { "WWW-Authenticate": `HMAC-SHA256 realm="${config.realm}"` },
      });
    };

    return {
      async request(ctx) {
        try {
          const { key, nonce } = signerOf(ctx, config, keys);
          if (config.body === "verify") await verifyBody(ctx, config.maxBody);
          if (config.replay) await useUp(key, nonce);
          ctx.identity = { id: key.id, by: "hmac-auth", scopes: key.scopes ?? [] };
          if (config.hideCredentials) ctx.headers.delete("authorization");
          return undefined;
        } catch (error) {
          return refuse(ctx, error);
        }
      },
    };
  },
});
