import { createPublicKey, type KeyObject } from "node:crypto";
import { type Static, t } from "sluice";

const OneOrMany = (description: string) =>
  t.Optional(
    t.Union([t.String({ minLength: 1 }), t.Array(t.String({ minLength: 1 }), { minItems: 1 })], { description }),
  );

export const Config = t.Object({
  jwks: OneOrMany("URL of the issuer's key set, or several; `upstream://NAME/path` goes through an upstream."),
  keys: t.Optional(
    t.Array(t.Record(t.String(), t.Unknown()), { minItems: 1, description: "Public keys as JWK, written here." }),
  ),
  publicKey: t.Optional(t.String({ minLength: 1, description: "A public key or certificate in PEM." })),
  secret: t.Optional(
    t.Secret({
      description: "Shared secret for HS256, HS384 and HS512; at least as long as the hash (32, 48, 64 bytes).",
    }),
  ),
  algorithms: t.Optional(
    t.Array(t.String(), {
      minItems: 1,
      description: "Accepted `alg`. Default: what fits the key; HS256 for a secret.",
    }),
  ),
  issuer: OneOrMany("Accepted `iss`. Default: any."),
  audience: OneOrMany("Accepted `aud`; one of the token's must be among them. Default: any."),
  typ: t.Optional(t.String({ minLength: 1, description: "Required `typ` of the header, as `at+jwt`. Default: any." })),
  clockSkew: t.Duration({ default: 30_000, description: "How far the issuer's clock may be from ours." }),
  maxAge: t.Optional(t.Duration({ description: "Oldest `iat` that is accepted. Default: any." })),
  requiredClaims: t.Array(t.String({ minLength: 1 }), { default: ["exp"], description: "Claims that must be there." }),
  claims: t.Record(t.String(), t.Union([t.String(), t.Number(), t.Boolean()]), {
    default: {},
    description:
      "Claims that must have this value, or a list with it: `{ tenant: acme, realm_access.roles: admin }`; else 403.",
  }),
  scopes: t.Array(t.String({ minLength: 1 }), {
    default: [],
    description: "Scopes the token must have, all of them; else 403.",
  }),
  scopeClaim: t.String({ default: "scope", minLength: 1, description: "Where the scopes are: words or a list." }),
  idClaim: t.String({ default: "sub", minLength: 1, description: "Claim that becomes `identity.id`." }),
  headers: t.Record(t.String(), t.String({ minLength: 1 }), {
    default: {},
    description:
      "Header fields for the upstream, each from a claim: `{ X-User: sub }`. What the client sends under these names is removed.",
  }),
  header: t.String({
    default: "Authorization",
    pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
    description: "Header with `Bearer TOKEN`; one of another name may have the bare token.",
  }),
  cookie: t.Optional(t.String({ minLength: 1, description: "Cookie that may carry the token too." })),
  query: t.Optional(t.String({ minLength: 1, description: "Query parameter that may carry it too." })),
  hideCredentials: t.Boolean({
    default: false,
    description: "The upstream does not see the token (header and query; cookies stay).",
  }),
  optional: t.Boolean({
    default: false,
    description: "Requests without a token pass, without identity. A bad token is refused all the same.",
  }),
  maxTokenBytes: t.Bytes({ default: 8192, description: "Longer tokens are refused unread." }),
  refresh: t.Duration({ default: 600_000, minimum: 1000, description: "Age at which a key set is fetched again." }),
  staleIfError: t.Duration({ default: 3_600_000, description: "How much older it may get while fetching fails." }),
  cooldown: t.Duration({
    default: 10_000,
    minimum: 1000,
    description: "Shortest time between two fetches of one key set, whatever `kid` tokens name.",
  }),
  fetchTimeout: t.Duration({
    default: 5000,
    minimum: 1,
    maximum: 20_000,
    description: "Deadline of fetching a key set.",
  }),
  realm: t.String({
    default: "sluice",
    pattern: '^[^"\\\\\\x00-\\x1f\\x7f-\\uffff]*$',
    description: "Told in `WWW-Authenticate`.",
  }),
});

export type Settings = Static<typeof Config>;

const RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
const ELLIPTIC = ["ES256", "ES384", "ES512"];
const CURVES: Readonly<Record<string, readonly string[]>> = {
  prime256v1: ["ES256"],
  secp384r1: ["ES384"],
  secp521r1: ["ES512"],
};
const EDWARDS = ["EdDSA", "Ed25519"];
const ASYMMETRIC: readonly string[] = [...RSA, ...ELLIPTIC, ...EDWARDS];
/** Least length of the secret (RFC 7518 §3.2). */
const SECRET_BYTES: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 };

/**
 * The pinned algorithms. A shared secret and public keys never meet: a public key taken for an HMAC secret is how tokens are forged.
 * @throws Error what to write instead
 */
export function algorithmsOf(config: Settings): string[] {
  const { jwks, keys, publicKey, secret } = config;
  if ([jwks, keys, publicKey, secret].filter((source) => source !== undefined).length !== 1)
    throw new Error("give exactly one of jwks, keys, publicKey, secret");
  const fitting = publicKey === undefined ? ASYMMETRIC : algorithmsFor(readPem(publicKey));
  const known = secret === undefined ? fitting : Object.keys(SECRET_BYTES);
  const chosen = config.algorithms ?? (secret === undefined ? [...fitting] : ["HS256"]);
  const wrong = chosen.find((algorithm) => !known.includes(algorithm));
  if (wrong !== undefined)
    throw new Error(
      `algorithms: ${wrong} cannot be used with ${secret === undefined ? "this kind of key" : "a secret"}; use ${known.join(", ")}`,
    );
  if (secret === undefined) return chosen;
  const need = Math.max(...chosen.map((algorithm) => SECRET_BYTES[algorithm]!));
  if (Buffer.byteLength(secret) < need)
    throw new Error(
      `secret: ${chosen.join(", ")} needs at least ${need} bytes; make one with \`openssl rand -base64 48\``,
    );
  return chosen;
}

/** @throws Error when it is none */
export function readPem(pem: string): KeyObject {
  if (pem.includes("PRIVATE KEY"))
    throw new Error("publicKey holds a private key; Sluice needs only the public one, keep the other secret");
  try {
    return createPublicKey(pem);
  } catch {
    throw new Error(
      'publicKey is no PEM: it begins with "-----BEGIN PUBLIC KEY-----" or "-----BEGIN CERTIFICATE-----"',
    );
  }
}

function algorithmsFor({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly string[] {
  const curve = asymmetricKeyDetails?.namedCurve ?? "";
  const fitting = { rsa: RSA, "rsa-pss": RSA.slice(3), ed25519: EDWARDS, ec: CURVES[curve] }[
    asymmetricKeyType as string
  ];
  if (fitting === undefined)
    throw new Error(
      `publicKey is a key of kind ${asymmetricKeyType} ${curve}, which signs no tokens; use RSA, EC or Ed25519`,
    );
  return fitting;
}
